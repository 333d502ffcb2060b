"""Kubernetes Events on evaluations. Equal news has an equal name, so it is told once for ever."""

from datetime import datetime
from typing import Any

from slmeval_api import API_VERSION
from slmeval_api.objects import Meta
from slmeval_decisions import names
from slmeval_decisions.conditions import timestamp
from slmeval_decisions.decide import Announcement

MAX_MESSAGE = 1024
"""The API server's limit for an event's note."""


def event(meta: Meta, news: Announcement, *, run: str, now: datetime) -> dict[str, Any]:
    """Return the Event that tells `news` about the evaluation of `meta`."""
    cut = news.message[: MAX_MESSAGE - 1] + "…" if len(news.message) > MAX_MESSAGE else news.message
    mark = names.digest(f"{meta.uid}/{meta.generation}/{run}/{news.reason}/{news.message}", 10)
    when = timestamp(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name}.{mark}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "SLMEvaluation",
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "reason": news.reason,
        "message": cut,
        "type": "Warning" if news.is_warning else "Normal",
        "source": {"component": "slmeval-operator"},
        "reportingComponent": "slmeval-operator",
        "reportingInstance": "slmeval-operator",
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
