"""Secrets of this container's environment, kept out of logs, results and statuses."""

import os
from collections.abc import Mapping

from slmeval_api.plan import SECRETS_VARIABLE

HUB_TOKEN = "HF_TOKEN"
"""Hidden wherever it comes from: without a cluster there are no Secrets."""
MASK = "***"
SHORTEST = 6
"""Characters of a value that is hidden: a shorter one, as a region, is part of too many words."""


def hidden(text: str, env: Mapping[str, str] = os.environ) -> str:
    """Return `text` with a mask in the place of every value that came from a Secret."""
    values = {env.get(name, "") for name in (HUB_TOKEN, *env.get(SECRETS_VARIABLE, "").split(","))}
    for value in sorted(values, key=len, reverse=True):  # one may be a part of another
        if len(value) >= SHORTEST:
            text = text.replace(value, MASK)
    return text
