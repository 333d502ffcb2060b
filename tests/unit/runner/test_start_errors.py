"""Why an engine did not start."""

from pathlib import Path

import pytest
from slmeval_runner.engines.start_errors import Printed, advice, last_named_error, root_cause

LOG = """\
(EngineCore pid=81) ERROR 11-24 12:00:01 [core.py:1] EngineCore failed to start.
(EngineCore pid=81) ERROR 11-24 12:00:01 [core.py:1] Traceback (most recent call last):
(EngineCore pid=81) ERROR 11-24 12:00:01 [core.py:1]   File "core.py", line 1, in run
(EngineCore pid=81) ERROR 11-24 12:00:01 [core.py:1] ValueError: No available memory for the cache.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


class TestTheRootCause:
    def test_is_the_error_itself_when_it_says_something(self, tmp_path: Path) -> None:
        printed = Printed([str(tmp_path / "none")])
        assert root_cause(ValueError("too\n long"), printed) == "ValueError: too long"

    def test_is_what_the_engines_process_printed_when_it_says_nothing(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("ValueError: of an earlier trial\n")
        (tmp_path / "fd").symlink_to(log)
        printed = Printed([str(tmp_path / "fd")])
        with log.open("a") as file:
            file.write(LOG)
        error = RuntimeError("Engine core initialization failed. See root cause above.")
        assert root_cause(error, printed) == "ValueError: No available memory for the cache."

    def test_is_the_error_itself_when_nothing_was_printed(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("ValueError: of an earlier trial\n")
        (tmp_path / "fd").symlink_to(tmp_path / "log")
        error = RuntimeError("Engine core initialization failed.")
        found = root_cause(error, Printed([str(tmp_path / "fd")]))
        assert found == "RuntimeError: Engine core initialization failed."


class TestPrintedErrors:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (LOG, "ValueError: No available memory for the cache."),
            (
                "torch.OutOfMemoryError: CUDA out of memory.",
                "torch.OutOfMemoryError: CUDA out of m",
            ),
            ("all is well\nError\nTerror: none", None),
            ("", None),
        ],
    )
    def test_are_the_last_that_say_something(self, text: str, found: str | None) -> None:
        named = last_named_error(text)
        assert (named is None) == (found is None)
        assert named is None or named.startswith(str(found))


class TestAdvice:
    @pytest.mark.parametrize(
        ("cause", "words"),
        [
            ("torch.OutOfMemoryError: CUDA out of memory", "maxModelLen"),
            ("ValueError: No available memory for the cache blocks", "gpuMemoryUtilization"),
            ("ValueError: User-specified max_model_len (9) is greater", "engine.maxModelLen"),
            ("Model architectures ['X'] are not supported for now", "newer one"),
            ("ValueError: Bfloat16 is only supported on GPUs with", "engine.dtype"),
            ("KeyError: 'x'", "worker's log"),
        ],
    )
    def test_names_the_field_to_change(self, cause: str, words: str) -> None:
        assert words in advice(cause)
