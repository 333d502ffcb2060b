"""What the trial and the process that serves its endpoint say to each other, a line each."""

import json
from dataclasses import dataclass

from slmeval_runner.engines.base import Attachment

BEGIN = "begin"
"""Forget the engine's steps; the other command is a number of requests, and asks for the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What is to be served."""

    name: str
    """What requests call the model."""
    port: int
    attachment: Attachment

    @classmethod
    def from_line(cls, line: str) -> "Deployed":
        """Return what was written as JSON."""
        found = json.loads(line)
        return cls(**found | {"attachment": Attachment(**found["attachment"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The endpoint takes requests."""

    url: str
    """Without /v1."""
