"""What a trial's processes print, on its way to the log."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from slmeval_runner.driver.outputs import LONGEST_BYTES, Output
from slmeval_runner.logs import PRINTED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files in /proc")


class Printer:
    """An output, and a process that prints to it."""

    def __init__(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, PRINTED)
        self.caplog = caplog
        self.output = Output("demo-1-a")
        (self.path,) = folder.iterdir()
        self.file = self.path.open("ab", buffering=0)

    def prints(self, text: bytes) -> list[str]:
        """Print it, and return the lines that are logged because of it."""
        self.caplog.clear()
        self.file.write(text)
        self.output.pass_on()
        return self.caplog.messages


@pytest.fixture
def printer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Printer]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Printer(tmp_path, caplog)
    yield made
    made.file.close()


class TestLines:
    def test_are_passed_on_whole(self, printer: Printer) -> None:
        assert printer.prints(b"one\ntw") == ["one"]
        assert printer.prints(b"o\n\n  \nthree\n") == ["two", "three"]
        assert printer.prints(b"") == []

    def test_name_the_trial(self, printer: Printer) -> None:
        printer.prints(b"one\n")
        assert [r.__dict__["trial"] for r in printer.caplog.records] == ["demo-1-a"]

    def test_that_do_not_end_are_cut(self, printer: Printer) -> None:
        assert printer.prints(b"x" * (LONGEST_BYTES + 1)) == ["x" * (LONGEST_BYTES + 1)]

    def test_that_end_with_the_process_are_not_lost(self, printer: Printer) -> None:
        printer.file.write(b"Segmentation fault")
        assert printer.output.close() == ("Segmentation fault",)
        assert printer.caplog.messages == ["Segmentation fault"]
        assert not printer.path.exists()

    @pytest.mark.parametrize(
        ("line", "level"),
        [
            (b"INFO 11-27 12:00:00 [core.py:58] Initializing", "INFO"),
            (b"(EngineCore_DP0 pid=71) ERROR 11-27 12:00:00 [core.py:9] no memory", "ERROR"),
            (b"WARNING: slow", "WARNING"),
            (b"Traceback (most recent call last):", "INFO"),
            (b"ERRORS are none", "INFO"),
        ],
    )
    def test_keep_the_level_that_they_begin_with(
        self, printer: Printer, line: bytes, level: str
    ) -> None:
        printer.prints(line + b"\n")
        assert [r.levelname for r in printer.caplog.records] == [level]

    def test_need_not_be_text(self, printer: Printer) -> None:
        assert printer.prints(b"\xff\n") == ["\N{REPLACEMENT CHARACTER}"]


class TestAProgressBar:
    def test_is_one_line_when_it_is_full(self, printer: Printer) -> None:
        for percent in range(100):
            assert printer.prints(b"\rloading: %d%%" % percent) == []
        assert printer.prints(b"\rloading: 100%\n") == ["loading: 100%"]

    def test_that_writes_its_return_last_is_too(self, printer: Printer) -> None:
        assert printer.prints(b"loading: 1%\rloading: 2%\r") == []
        assert printer.prints(b"loading: 3%\r\n") == ["loading: 3%"]

    def test_never_takes_more_room_than_a_line(self, printer: Printer) -> None:
        for _ in range(100):
            assert printer.prints(b"\r" + b"x" * 1000) == []


class TestTheLastLines:
    def test_are_twenty_and_not_too_long(self, printer: Printer) -> None:
        printer.prints(b"".join(b"%d %s\n" % (n, b"x" * 500) for n in range(50)))
        lines = printer.output.close()
        assert [line.split()[0] for line in lines] == [str(n) for n in range(30, 50)]
        assert {len(line) for line in lines} == {256}

    def test_hide_secrets(self, printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_SECRETS", "HF_TOKEN")
        monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
        printer.prints(b"with hf_abcdef\n")
        assert printer.output.close() == ("with ***",)


class TestTheProcessThatPrints:
    def test_has_the_file_as_its_output_and_so_have_its_children(self, printer: Printer) -> None:
        pid = os.fork()
        if pid == 0:
            printer.output.become_ours()
            os.write(1, b"out\n")
            os.system("echo child >&2")
            os._exit(0)
        os.waitpid(pid, 0)
        assert printer.prints(b"") == ["out", "child"]
