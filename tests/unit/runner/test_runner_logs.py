"""Where the runner's log lines go."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from runner_builders import a_plan
from slmeval_runner import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    names = (None, "slmeval_runner", logs.PRINTED)
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.handlers[:], one.level) for one in loggers]
    yield
    for one, (handlers, level) in zip(loggers, before, strict=True):
        one.handlers[:] = handlers
        one.setLevel(level)


class TestLines:
    def test_go_to_each_file(self) -> None:
        files = [StringIO(), StringIO()]
        logs.configure(a_plan(), to=files)
        logging.getLogger("slmeval_runner.x").info("begun", extra={"trial": "demo-1-a"})
        assert [f.getvalue().split(" ", 1)[1] for f in files] == [
            "info    begun trial=demo-1-a\n"
        ] * 2

    def test_as_json_say_all_that_is_known_of_where(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_LOG_FORMAT", "json")
        logs.configure(a_plan(), trial="demo-1-a", to=[file := StringIO()])
        logging.getLogger("slmeval_runner.x").info("begun")
        found = json.loads(file.getvalue())
        keys = ("namespace", "evaluation", "run", "pool", "attempt", "trial")
        assert [found[key] for key in keys] == ["team", "demo", "demo-1", "cpu", 1, "demo-1-a"]

    def test_below_the_level_are_left_out_but_not_what_trials_print(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLMEVAL_LOG_LEVEL", "error")
        logs.configure(to=[file := StringIO()])
        logging.getLogger("slmeval_runner.x").warning("ours")
        logging.getLogger("vllm").info("a library's")
        logging.getLogger(logs.PRINTED).info("printed")
        assert [line.split()[2] for line in file.getvalue().splitlines()] == ["printed"]


class TestTheContainersOutput:
    @pytest.mark.parametrize(
        "env", [{}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "SLMEVAL_ROOT": "/tmp/x"}]
    )
    def test_is_left_alone_where_this_is_no_pod_of_a_run(
        self, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert logs.output_of_container() is None
