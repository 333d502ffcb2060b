"""A real Prometheus on a loopback port, with the scrapes and rules that the chart asks for.

Debian builds it without the discovery of Kubernetes, so `Pods` stands in for that: it writes the
pods with the labels that Prometheus would give them into a file that Prometheus watches.
"""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
START_LIMIT_S = 60.0


class Prometheus:
    """A server that runs; everything is asked over its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """Return `data` of the API's answer. Raises AssertionError with its error."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression: str, at_s: float | None = None) -> list[Json]:
        """Return the samples of `expression`, now or at a time."""
        when = {} if at_s is None else {"time": str(at_s)}
        found: list[Json] = self.get("query", query=expression, **when)["result"]
        return found

    def over(self, expression: str, since_s: float, step_s: float = 5.0) -> list[Json]:
        """Return the series of `expression` from a time until now."""
        now_s = time.time()
        found: list[Json] = self.get(
            "query_range",
            query=expression,
            start=str(since_s),
            end=str(now_s),
            step=str(max(step_s, (now_s - since_s) / 10_000)),
        )["result"]
        return found


class Pods:
    """Writes the cluster's pods into a file, as targets, every second until it is stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write no more."""
        self._end.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._end.wait(1.0):
            self._write()

    def _write(self) -> None:
        command = ["kubectl", "get", "pods", "-A", "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return  # the API server is busy: what was there stays
        targets = [one for pod in json.loads(done.stdout)["items"] for one in _targets(pod)]
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(targets))
        new.replace(self.path)


def _targets(pod: Json) -> Iterator[Json]:
    meta, address = pod["metadata"], pod["status"].get("podIP")
    if not address or pod["status"].get("phase") != "Running":
        return
    labels = {
        "__meta_kubernetes_namespace": meta["namespace"],
        "__meta_kubernetes_pod_name": meta["name"],
        **{
            f"__meta_kubernetes_pod_label_{_sanitized(key)}": value
            for key, value in meta.get("labels", {}).items()
        },
    }
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            name = {"__meta_kubernetes_pod_container_port_name": port.get("name", "")}
            yield {"targets": [f"{address}:{port['containerPort']}"], "labels": labels | name}


def _sanitized(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)


def scrape_configs(monitors: Sequence[Json], pods: Path) -> list[Json]:
    """Return what Prometheus' operator makes of PodMonitors, as far as the chart uses them."""
    made = []
    for monitor in monitors:
        spec = monitor["spec"]
        for number, endpoint in enumerate(spec["podMetricsEndpoints"]):
            space = spec.get("namespaceSelector", {})
            own = [monitor["metadata"]["namespace"]]
            names = None if space.get("any") else space.get("matchNames", own)
            made.append(
                {
                    "job_name": f"{monitor['metadata']['name']}/{number}",
                    "honor_labels": endpoint.get("honorLabels", False),
                    "metrics_path": endpoint["path"],
                    "metric_relabel_configs": endpoint.get("metricRelabelings", []),
                    "file_sd_configs": [{"files": [str(pods)]}],
                    "relabel_configs": [*_kept(names, spec["selector"], endpoint["port"]), *[
                        {
                            "source_labels": rule["sourceLabels"],
                            "target_label": rule["targetLabel"],
                        }
                        for rule in endpoint.get("relabelings", ())
                    ]],
                }
            )  # fmt: skip
    return made


def _kept(names: list[str] | None, selector: Json, port: str) -> Iterator[Json]:
    if names is not None:
        source = ["__meta_kubernetes_namespace"]
        yield {"source_labels": source, "regex": "|".join(names), "action": "keep"}
    labels = {**selector.get("matchLabels", {})}
    labels |= {one["key"]: ".+" for one in selector.get("matchExpressions", ())}
    for key, value in labels.items():
        source = [f"__meta_kubernetes_pod_label_{_sanitized(key)}"]
        yield {"source_labels": source, "regex": value, "action": "keep"}
    source = ["__meta_kubernetes_pod_container_port_name"]
    yield {"source_labels": source, "regex": port, "action": "keep"}
    for label, meta in (("namespace", "namespace"), ("pod", "pod_name")):
        yield {"source_labels": [f"__meta_kubernetes_{meta}"], "target_label": label}


@contextmanager
def running(
    binary: Path,
    folder: Path,
    scrapes: Sequence[Json],
    rules: Sequence[Path] = (),
    *,
    lookback: str = "5m",
) -> Iterator[Prometheus]:
    """Run Prometheus with the database in `folder`, or a new one, until the block ends.

    Args:
        binary: the program.
        folder: for all its files.
        scrapes: of its configuration.
        rules: rule files.
        lookback: how old a sample may be that stands for now, unless its series is known to end.

    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "prometheus.yml"
    body = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": list(scrapes),
    }
    config.write_text(yaml.safe_dump(body))
    command = [
        str(binary),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=1y",  # tests/backfill.py has an older past than 15 days
        f"--query.lookback-delta={lookback}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ)
    try:
        yield Prometheus(_ready(f"http://127.0.0.1:{port}", process, folder / "prometheus.log"))
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):
                return url
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"Prometheus does not start:\n{log.read_text()[-2000:]}")
