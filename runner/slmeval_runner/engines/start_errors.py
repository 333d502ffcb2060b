"""Why an engine did not start, out of what it raised and what it printed."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

TAIL_BYTES = 256 * 1024
NAMED_ERROR = re.compile(r"\b([A-Za-z_.]*(?:Error|Exception|Interrupt)): (\S.*)")
SAYS_NOTHING = ("Engine core initialization failed", "WorkerProc initialization failed")
"""The engine core's process prints its error and leaves the caller with one of these."""
TEXT_LIMIT = 600

ADVICE = (
    (
        ("out of memory", "No available memory", "free memory", "KV cache is needed"),
        "Lower engine.maxModelLen, raise engine.gpuMemoryUtilizationPercent, set "
        "engine.quantization or a larger engine.tensorParallelSize, or name a pool whose GPUs "
        "have more memory",
    ),
    (
        ("max_model_len", "max_position_embeddings"),
        "Set engine.maxModelLen to a length that the model allows",
    ),
    (
        ("not supported for now", "no vLLM implementation", "does not recognize this architecture"),
        "This vLLM does not know the model: name a pool whose image has a newer one",
    ),
    (
        ("quantization", "Bfloat16 is only supported"),
        "Set engine.quantization and engine.dtype to what the model and the GPU both have",
    ),
)


def advice(cause: str) -> str:
    """Return what to do about `cause`."""
    folded = cause.casefold()
    for signs, what in ADVICE:
        if any(sign.casefold() in folded for sign in signs):
            return what
    return "See the worker's log for the whole error; check source and engine of the model"


class Printed:
    """What this process and its children print from now on, where that goes to files."""

    def __init__(self, links: Sequence[str] = ("/proc/self/fd/1", "/proc/self/fd/2")) -> None:
        files = {path for path in map(_file_behind, links) if path}
        self._sizes = {path: path.stat().st_size for path in sorted(files)}

    def text(self) -> str:
        """Return it, or its end."""
        return "\n".join(_tail(path, since) for path, since in self._sizes.items())


def _file_behind(link: str) -> Path | None:
    try:
        path = Path(os.readlink(link))
    except OSError:
        return None
    return path if path.is_file() else None


def _tail(path: Path, since: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(since, path.stat().st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""


def root_cause(error: BaseException, printed: Printed) -> str:
    """Return what `error` stands for.

    Args:
        error: what starting the engine raised.
        printed: since the start began; an engine in another process leaves its own error there.

    """
    text = f"{type(error).__name__}: {error}"
    if any(sign in text for sign in SAYS_NOTHING):
        text = last_named_error(printed.text()) or text
    return " ".join(text.split())[:TEXT_LIMIT]


def last_named_error(text: str) -> str | None:
    """Return the last `SomeError: words` in `text` that says more than that there was one."""
    found = [match.group(0) for match in map(NAMED_ERROR.search, text.splitlines()) if match]
    telling = [line for line in found if not any(sign in line for sign in SAYS_NOTHING)]
    return telling[-1] if telling else None
