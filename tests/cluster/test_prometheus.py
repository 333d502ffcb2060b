"""A real Prometheus beside a real run: the chart's monitors, rules and series, live and after."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from absent_series import ABSENT
from helm import CHART, Helm
from prometheus import Pods, Prometheus, running, scrape_configs
from tools import tool

from hack.gen.dashboards.queries import queries

from .installation import Installation, evaluation
from .kube import Body, apply, condition, delete, kubectl, wait_ended, wait_for
from .test_run import TASK

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DASHBOARDS = sorted((CHART / "files/dashboards").glob("*.json"))
RULES = sorted((CHART / "files/rules").glob("*.yaml"))
MONITORS = {"monitoring": {"podMonitor": {"enabled": True}}}


VARIABLES = {
    "pool": ".+",
    "model": ".+",
    "workload": "sweep",
    "tasks": "all",
    "job": ".+",
    # Every other scrape: on a busy machine some time out, and a subquery that looks once a minute
    # may find a gap each time.
    "__interval": "4s",
}


def _question(namespace: str) -> Body:
    """Return the quickstart's two models, with a sweep and two tasks."""
    question: Body = yaml.safe_load((EXAMPLES / "quickstart.yaml").read_text())
    question["metadata"] = {"name": "seen", "namespace": namespace}
    spec = question["spec"]
    spec["tasks"] = [task | {"limit": 12} for task in (spec["tasks"][0], spec["tasks"][-1])]
    spec["tasks"][1]["heldOut"] = True
    load = {"inputTokens": 32, "outputTokens": 16, "repetitions": 2}
    spec["workloads"] = [
        {"name": "batch", "batch": load | {"requests": 8}},
        {"name": "sweep", "concurrency": load | {"levels": [1, 4]}},
    ]
    speed = {"workload": "batch", "figure": "requestsPerSecond"}
    spec["gates"] = [{"name": "no-slower", "speed": speed, "regression": {}}]
    spec["schedule"] = {"cron": "@yearly"}
    return question


class Seen(NamedTuple):
    """What there is to ask once the run has ended."""

    prometheus: Prometheus
    namespace: str
    began_s: float


@pytest.fixture(scope="module")
def prometheus(
    installed: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    binary, helm = tool("prometheus"), tool("helm")
    if not (binary and helm):
        pytest.skip("no prometheus: `python3 -m hack.debian prometheus`, or put one on PATH")
    monitors = Helm(helm).render(MONITORS).all("PodMonitor")
    folder = tmp_path_factory.mktemp("prometheus")
    pods = Pods(folder / "pods.json")
    with running(binary, folder, scrape_configs(monitors, pods.path), RULES) as server:
        yield server
    pods.stop()


@pytest.fixture(scope="module")
def seen(prometheus: Prometheus) -> Iterator[Seen]:
    """A run of two models that vLLM measured, one that failed, and one without its pool."""
    namespace, began_s = "t-seen", time.time()
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    kubectl("apply", "-f", str(EXAMPLES / "pools/cpu.yaml"))
    wrong = TASK | {"classification": {"labels": ["refund", "delivery"]}}
    apply(
        _question(namespace),
        evaluation(namespace, name="lost", pools=["that-nobody-made"]),
    )
    ended = wait_ended("seen", namespace, seconds=900)
    assert condition(ended, "Ready")["reason"] == "Measured", condition(ended, "Ready")
    apply(evaluation(namespace, name="bad", tasks=[wrong]))
    assert condition(wait_ended("bad", namespace), "Failed")["status"] == "True"
    last = f'slmeval_trial_state{{namespace="{namespace}",state="failed"}}'
    wait_for("the ends to be scraped", lambda: prometheus.query(last), seconds=60)
    yield Seen(prometheus, namespace, began_s)
    kubectl("delete", "namespace", namespace, "--wait=false")


class TestARunThatPrometheusSees:
    def test_by_its_figures_under_its_own_namespace(self, seen: Seen) -> None:
        found = seen.prometheus.query(
            f'slmeval_requests_per_second{{namespace="{seen.namespace}"}}'
        )
        labels = {(one["metric"]["model"], one["metric"]["workload"]) for one in found}
        assert labels == {
            (model, load)
            for model in ("smollm2-bf16", "smollm2-fp32")
            for load in ("batch", "sweep")
        }
        assert all(one["metric"]["engine"] == "vllm" for one in found)

    def test_live_by_vllms_own_metrics_of_each_model(self, seen: Seen) -> None:
        where = f'namespace="{seen.namespace}",evaluation="seen"'
        tokens = seen.prometheus.over(
            f"sum by (model) (vllm:generation_tokens_total{{{where}}})", seen.began_s
        )
        assert {one["metric"]["model"] for one in tokens} == {"smollm2-bf16", "smollm2-fp32"}
        for one in tokens:
            values = [float(value) for _, value in one["values"]]
            assert max(values) > min(values) >= 0
        running_ = seen.prometheus.over(f"vllm:num_requests_running{{{where}}} > 0", seen.began_s)
        assert running_

    def test_live_by_rays_metrics_of_its_pods(self, seen: Seen) -> None:
        where = f'namespace="{seen.namespace}",evaluation="seen"'
        found = seen.prometheus.over(f"ray_node_mem_used{{{where}}}", seen.began_s)
        assert len({one["metric"]["pod"] for one in found}) == 2  # head and worker

    def test_from_its_beginning_to_its_end_by_its_states(self, seen: Seen) -> None:
        where = f'namespace="{seen.namespace}",evaluation="seen"'
        states = seen.prometheus.over(
            f"count by (state) (slmeval_trial_state{{{where}}})", seen.began_s
        )
        assert {one["metric"]["state"] for one in states} == {"pending", "running", "succeeded"}

    def test_without_a_rule_that_fails(self, seen: Seen) -> None:
        groups = seen.prometheus.get("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        wanted = [
            rule
            for path in RULES
            for group in yaml.safe_load(path.read_text())["groups"]
            for rule in group["rules"]
        ]
        assert len(rules) == len(wanted)
        assert [rule for rule in rules if rule["health"] != "ok"] == []

    def test_by_what_is_recorded_for_long(self, seen: Seen) -> None:
        for name in ("slmeval_requests_per_second:max", "slmeval_suite_score:max"):
            asked = f'model_pool:{name}{{namespace="{seen.namespace}"}}'
            # Recorded once a minute.
            wait_for(name, partial(seen.prometheus.query, asked), seconds=90)

    def test_with_an_alert_for_the_evaluation_that_waits_for_a_pool(self, seen: Seen) -> None:
        asked = f'ALERTS{{alertname="SLMEvaluationStalled",namespace="{seen.namespace}"}}'
        found = wait_for("the alert", partial(seen.prometheus.query, asked), seconds=90)
        assert [one["metric"]["evaluation"] for one in found] == ["lost"]
        assert found[0]["metric"]["alertstate"] == "pending"  # it fires after ten minutes


def _labels(found: list[Body]) -> list[str]:
    return sorted(json.dumps(one["metric"], sort_keys=True) for one in found)


class TestDashboards:
    def test_have_no_query_that_fails_or_finds_nothing(self, seen: Seen) -> None:
        """But for what such runs have not. Each of those is looked for: a list grows old."""
        recorded = f'model_pool:slmeval_suite_score:max{{namespace="{seen.namespace}"}}'
        wait_for("what is recorded", partial(seen.prometheus.query, recorded), seconds=90)
        empty = set[str]()
        for path in DASHBOARDS:
            board = json.loads(path.read_text())
            every = path.stem == "overview"  # of all evaluations
            variables = VARIABLES | {
                "namespace": seen.namespace,
                "evaluation": ".+" if every else "seen",
            }
            for one in queries(board, variables):
                now = seen.prometheus.query(one.expression)
                if now or seen.prometheus.over(one.expression, seen.began_s):
                    continue
                names = {name for name in ABSENT if name in one.expression}
                assert names, f"{one.dashboard}: {one.panel}: {one.expression}"
                empty |= names
        assert empty == ABSENT


class TestSeriesAreAsLongAsWhatTheyAreAbout:
    def test_a_restart_of_the_operator_doubles_none_and_hides_none(
        self, seen: Seen, installed: Installation
    ) -> None:
        where = f'namespace="{seen.namespace}",evaluation="seen"'
        ours = f'{{__name__=~"slmeval_.+",{where}}}'
        before = _labels(seen.prometheus.query(ours))
        installed.kill()
        since_s = time.time()
        new = f'process_start_time_seconds{{job="slmeval/0"}} > {since_s - 1}'
        wait_for("the new operator to be scraped", lambda: seen.prometheus.query(new), seconds=120)
        assert _labels(seen.prometheus.query(ours)) == before
        counts = seen.prometheus.over(f"count({ours})", since_s, step_s=1)
        assert {value for one in counts for _, value in one["values"]} == {str(len(before))}

    def test_those_of_a_deleted_evaluation_go(self, seen: Seen) -> None:
        delete("slmevaluation", "lost", seen.namespace)
        lost = f'{{__name__=~"slmeval_.+",namespace="{seen.namespace}",evaluation="lost"}}'
        wait_for("its series to go", lambda: not seen.prometheus.query(lost), seconds=60)
