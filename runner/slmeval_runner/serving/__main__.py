"""`python -m slmeval_runner.serving`: Ray Serve in front of the engine that standard input names.

A process of its own with a Ray of its own, all on this machine: the trial has no Ray, and the job's
cluster must not keep what a trial that was killed has deployed. Ray's processes end with this one,
which ends with its standard input.

Standard input: first what to serve (Deployed, as JSON), then a command a line. Standard output: a
line of JSON for each, the first one once the endpoint takes requests.
"""

import json
import os
import queue
import sys
import tempfile
import threading
from dataclasses import asdict
from typing import Any, TextIO

from slmeval_runner import logs

from .protocol import BEGIN, Deployed, Ready

END_LIMIT_S = 30.0
OBJECT_STORE_BYTES = 100 * 2**20
LOGICAL_CPUS = 8
"""What Ray hands out to deployments: not cores, which they share with all else."""
UNLIMITED = 100_000
"""Requests in flight that no part of Ray Serve holds back: the engine queues."""
APPLICATION = "slmeval"


def main() -> int:
    """Serve until standard input ends; return 0."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print goes to the log
    logs.configure()
    lines = _lines(sys.stdin)
    first = lines.get()
    if first is None:
        return 0
    asked = Deployed.from_line(first)
    with tempfile.TemporaryDirectory(prefix="slm") as folder:
        try:
            server = _deploy(asked, folder)
            _say(replies, asdict(Ready(url=f"http://127.0.0.1:{asked.port}")))
            while (line := lines.get()) is not None:
                _say(replies, _obey(server, line.strip()))
        finally:
            _take_down()
    return 0


def _lines(source: TextIO) -> "queue.Queue[str | None]":
    """Return the lines of `source` as they come, None at its end; this process ends soon after."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in source:
            lines.put(line)
        lines.put(None)
        threading.Event().wait(END_LIMIT_S)
        os._exit(1)  # it hangs; Ray's processes notice that it is gone

    threading.Thread(target=read, name="commands", daemon=True).start()
    return lines


def _deploy(asked: Deployed, folder: str) -> Any:  # noqa: ANN401 - Ray has no types for us
    """Return a handle of the server once the endpoint takes requests."""
    import ray
    from ray import serve
    from ray.serve.llm import LLMConfig, build_openai_app

    from .replica import ADDRESSES, AttachedServer

    ray.init(
        address="local",
        num_cpus=LOGICAL_CPUS,
        num_gpus=0,  # the engine has them
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=True,
        _temp_dir=folder,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": asked.port})
    engine = asked.attachment
    options = {"num_replicas": 1, "max_ongoing_requests": UNLIMITED}
    config = LLMConfig(
        model_loading_config={"model_id": asked.name, "model_source": engine.model},
        engine_kwargs=engine.arguments | {"enable_prompt_tokens_details": True},
        accelerator_config={"kind": "cpu"},  # of the front end, which computes nothing
        placement_group_config={"bundles": [{"CPU": 1}]},
        log_engine_metrics=False,
        server_cls=AttachedServer,
        # One try: an engine core meets a second front end once.
        deployment_config=options | {"max_constructor_retry_count": 1},
        experimental_configs={ADDRESSES: engine.addresses},
    )
    application = build_openai_app({"llm_configs": [config], "ingress_deployment_config": options})
    serve.run(application, name=APPLICATION)
    deployments = serve.status().applications[APPLICATION].deployments
    name = next(name for name in deployments if name.startswith(AttachedServer.__name__))
    return serve.get_deployment_handle(name, APPLICATION)


def _obey(server: Any, command: str) -> dict[str, Any]:  # noqa: ANN401
    if command == BEGIN:
        server.slmeval_begin.remote().result()
        return {}
    found: dict[str, Any] = server.slmeval_steps.remote(int(command)).result()
    return found


def _take_down() -> None:
    import ray
    from ray import serve

    if ray.is_initialized():
        serve.shutdown()
        ray.shutdown()


def _say(replies: TextIO, what: dict[str, Any]) -> None:
    replies.write(json.dumps(what) + "\n")
    replies.flush()


if __name__ == "__main__":
    sys.exit(main())
