"""What the trial and the process that serves its endpoint say to each other, a line each."""

from dataclasses import dataclass
from typing import Any

BEGIN = "begin"
"""Forget the engine's steps; the other command is a number of requests, and asks for the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What is to be served."""

    name: str
    """What requests call the model."""
    port: int
    model: str
    arguments: dict[str, Any]
    addresses: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The endpoint takes requests."""

    url: str
    """Without /v1."""
