"""Everything that the operator's process logs has one form."""

import json
import logging
from collections.abc import Iterator

import pytest
from slmeval_operator.logs import configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


class TestEveryLineHasTheForm:
    def test_also_kopfs(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("info", "json")
        logging.getLogger("kopf.objects").warning("a watch %s", "ended")
        logging.getLogger("kopf.objects").info("too much")
        logging.getLogger("slmeval_operator.x").info("Made it", extra={"run": "demo-1"})
        kopfs, ours = map(json.loads, capsys.readouterr().err.splitlines())
        assert (kopfs["logger"], kopfs["message"]) == ("kopf.objects", "a watch ended")
        assert (ours["message"], ours["run"]) == ("Made it", "demo-1")

    def test_less_than_the_level_is_left_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure("warning", "text")
        logging.getLogger("slmeval_operator.x").info("Made it")
        assert capsys.readouterr().err == ""
