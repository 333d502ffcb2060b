"""Kubernetes Events. Equal news has an equal name, so it is told once, whoever tells it again."""

from datetime import datetime
from typing import Any

from slmeval_api import API_VERSION
from slmeval_api.base import KindInfo
from slmeval_api.objects import Meta
from slmeval_decisions import names
from slmeval_decisions.conditions import timestamp
from slmeval_decisions.event_reasons import EventReason
from slmeval_decisions.story import News

MAX_MESSAGE = 1024
"""The API server's limit for an event's note."""
_ORDER = list(EventReason)


def event(news: News, info: KindInfo, meta: Meta, now: datetime) -> dict[str, Any]:
    """Return the Event that tells `news` of one of its subjects."""
    cut = news.message[: MAX_MESSAGE - 1] + "…" if len(news.message) > MAX_MESSAGE else news.message
    mark = names.digest(f"{meta.uid}/{news.reason}/{news.key}", 10)
    # kubectl sorts by time, in seconds, and leaves equal ones as the API server lists them: by name
    place = f"{_ORDER.index(news.reason):02d}"
    when = timestamp(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name}.{place}{mark}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": info.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "reason": news.reason.value,
        "message": cut,
        "type": "Warning" if news.is_warning else "Normal",
        "source": {"component": "slmeval-operator"},
        "reportingComponent": "slmeval-operator",
        "reportingInstance": "slmeval-operator",
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
