"""What engines and nodes say of themselves while a run is under way: vLLM's and Ray's own series.

Names are those of vLLM 0.29 and Ray 2.60. They are not ours and can change with their versions.
"""

from .colours import BLUE, ORANGE, SKY
from .panels import About, AnyPanel, Query, lines

# As the chart's second PodMonitor labels the pods of runs (monitoring.podMonitor.runs).
RUN = 'namespace="$namespace",evaluation="$evaluation"'
TITLE = "Live: vLLM and Ray (while it runs; needs monitoring.podMonitor.runs)"
ABSENT = "Absent: the pods are not scraped, or are gone."
VLLM = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:num_preemptions_total",
    "vllm:e2e_request_latency_seconds_bucket",
    "vllm:time_to_first_token_seconds_bucket",
)
RAY = (
    "ray_node_cpu_utilization",
    "ray_node_mem_used",
    "ray_node_mem_total",
    "ray_node_gpus_utilization",
    "ray_node_gram_used",
)
MIB = 1024 * 1024  # Ray counts GPU memory in MiB, whatever its help text says


def live() -> list[AnyPanel]:
    """Return the panels: the engine's first, then the nodes'."""
    return [*_engine(), *_nodes()]


def _sum(name: str) -> str:
    return f"sum by (pod) ({name}{{{RUN}}})"


def _rate(name: str) -> str:
    return f"sum by (model) (rate({name}{{{RUN}}}[$__rate_interval]))"


def _quantile(q: float, name: str) -> str:
    rate = f"sum by (le) (rate({name}{{{RUN}}}[$__rate_interval]))"
    return f"histogram_quantile({q}, {rate})"


def _engine() -> list[AnyPanel]:
    running, waiting, cache, prompt, generation, preempted, latency, first = VLLM

    def quantiles(name: str) -> list[Query]:
        return [Query(_quantile(q, name), label) for q, label in ((0.5, "median"), (0.99, "99%"))]

    two = {"median": SKY, "99%": ORANGE}
    return [
        lines(
            About(
                title="Requests in the engine",
                text=f"In its batch, and waiting for it. {ABSENT}",
                unit="none",
                decimals=0,
            ),
            [
                Query(f"sum({running}{{{RUN}}})", "running"),
                Query(f"sum({waiting}{{{RUN}}})", "waiting"),
            ],
            colours={"running": BLUE, "waiting": ORANGE},
        ),
        lines(
            About(
                title="KV cache in use",
                text=f"Near 100% requests wait, or are put back. {ABSENT}",
                unit="percentunit",
                decimals=0,
            ),
            [Query(f"max by (model) ({cache}{{{RUN}}})", "{{model}}")],
        ),
        lines(
            About(
                title="Tokens a second, live",
                text=f"Prompts in and answers out, over all engines. {ABSENT}",
                unit="none",
                decimals=0,
            ),
            [
                Query(f"sum({_rate(prompt)})", "input"),
                Query(f"sum({_rate(generation)})", "output"),
            ],
            colours={"input": SKY, "output": BLUE},
        ),
        lines(
            About(
                title="Requests put back for want of KV cache",
                text=f"A second. More than none: too many at once for this memory. {ABSENT}",
                unit="ops",
            ),
            [Query(_rate(preempted), "{{model}}")],
        ),
        lines(
            About(
                title="Latency, live",
                text=f"Arrival to last token, from vLLM's buckets: coarser than our own. {ABSENT}",
                unit="s",
            ),
            quantiles(latency),
            colours=two,
        ),
        lines(
            About(
                title="Time to first token, live",
                text=f"From vLLM's buckets. {ABSENT}",
                unit="s",
            ),
            quantiles(first),
            colours=two,
        ),
    ]


def _nodes() -> list[AnyPanel]:
    cpu, used, total, gpu, gram = RAY
    return [
        lines(
            About(title="CPU of each pod", text=f"As Ray sees it. {ABSENT}", unit="percent"),
            [Query(f"max by (pod) ({cpu}{{{RUN}}})", "{{pod}}")],
        ),
        lines(
            About(
                title="Memory of each pod",
                text=f"Share of what the pod may use; near 100% it is killed. {ABSENT}",
                unit="percentunit",
            ),
            [Query(f"{_sum(used)} / on (pod) {_sum(total)}", "{{pod}}")],
        ),
        lines(
            About(
                title="GPUs at work",
                text=f"Share of the time in which any kernel ran: 100% is not full use. {ABSENT}",
                unit="percent",
            ),
            [Query(f"max by (pod, GpuIndex) ({gpu}{{{RUN}}})", "{{pod}} GPU {{GpuIndex}}")],
        ),
        lines(
            About(title="Memory of GPUs in use", text=f"As Ray sees it. {ABSENT}", unit="bytes"),
            [
                Query(
                    f"max by (pod, GpuIndex) ({gram}{{{RUN}}}) * {MIB}",
                    "{{pod}} GPU {{GpuIndex}}",
                )
            ],
        ),
    ]
