# The only commands that CONTRIBUTING names. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
SLMEVAL_CACHE ?= $(HOME)/.cache/slmeval
SLMEVAL_CLUSTER_STATE ?= /var/lib/slmeval-cluster
export SLMEVAL_CACHE SLMEVAL_CLUSTER_STATE
export PATH := $(SLMEVAL_CACHE)/bin:$(PATH)

# KUBECONFIG names the cluster that demo and tests use; without one it is the embedded cluster.
# A make that this one calls finds both in its environment.
ifeq ($(origin KUBECONFIG),undefined)
SLMEVAL_EMBEDDED := yes
KUBECONFIG := $(SLMEVAL_CLUSTER_STATE)/admin.conf
endif
export KUBECONFIG SLMEVAL_EMBEDDED

# Images are named $(REGISTRY)/operator:$(TAG) and so on.
REGISTRY ?= localhost/slmeval
TAG ?= dev
export REGISTRY TAG

help: ## Show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(VENV)/.installed: pyproject.toml requirements/dev.txt
	@echo "== Python environment in $(VENV)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "python3 is older than 3.11: install Python 3.11 or newer"; exit 1; }
	@python3 -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(VENV)/.installed ## Make the Python environment for everything below

check: venv ## Format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m hack.gen --check

format: venv ## Write the formatting that check demands
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

gen: venv ## Write crds/, the chart's copy, dashboards and docs/reference/ from the code
	$(BIN)/python -m hack.gen

pictures: venv ## Draw the pictures of docs/ anew (needs Debian's chromium and prometheus)
	PYTHONPATH=tests $(BIN)/python -m hack.made_up_dashboards docs/images
	PYTHONPATH=tests $(BIN)/python -m hack.terminal_pictures docs/images
	PYTHONPATH=tests $(BIN)/python -m hack.report_picture docs/images

lock: venv ## Write requirements/dev.txt anew from pyproject.toml
	$(BIN)/uv pip compile -q --no-annotate --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --excludes requirements/runner.excludes \
	  --extra operator --extra runner --extra cli --extra dev -o requirements/dev.txt pyproject.toml

cluster: ## Bring the embedded cluster up (root, Linux, Go; 15 minutes the first time)
	python3 hack/cluster up

cluster-down: ## Take it down without a trace; caches stay
	python3 hack/cluster down

images: ## Build the images and load them into the embedded cluster
	python3 hack/images build --registry $(REGISTRY) --tag $(TAG) operator runner-demo
	@if [ "$(SLMEVAL_EMBEDDED)" = yes ] && [ -e $(KUBECONFIG) ]; then \
	  python3 hack/cluster load-images $(SLMEVAL_CACHE)/images/operator $(SLMEVAL_CACHE)/images/runner-demo; fi

gpu-node: venv ## Pack all that a GPU machine without network needs to run the product
	python3 hack/images build --registry $(REGISTRY) --tag $(TAG) operator
	$(BIN)/python -m hack.gpu_node pack

demo: venv ## From an empty machine to measured answers: cluster, images, chart, quickstart
	$(BIN)/python -m hack.demo

demo-down: venv ## Remove what demo installed from the cluster
	$(BIN)/python -m hack.demo --remove

test: venv ## Run every tier that this machine can, and say why one is left out
	$(BIN)/python -m hack.test

test-unit: venv ## Seconds; no network, no cluster
	$(BIN)/python -m hack.test unit

test-browser: venv ## The report in a real browser (needs chromium)
	$(BIN)/python -m hack.test browser

test-chart: venv ## helm lint, template and schema
	$(BIN)/python -m hack.test chart

test-gitops: venv ## What Flux and Argo CD say of every state, by their own code
	$(BIN)/python -m hack.test gitops

test-api: venv ## A real API server: admission of every manifest
	$(BIN)/python -m hack.test api

test-cluster: venv ## A real cluster, real KubeRay, the simulated engine, and real vLLM once
	$(BIN)/python -m hack.test cluster

.PHONY: help venv check format gen pictures lock cluster cluster-down images gpu-node demo demo-down test test-unit \
  test-browser test-chart test-gitops test-api test-cluster
