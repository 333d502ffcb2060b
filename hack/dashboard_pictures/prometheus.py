"""What Prometheus answers, over its HTTP interface."""

import json
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

TIMEOUT_S = 60


class Series(NamedTuple):
    """Labels, and (time, value) by time, both as numbers; of an instant query one of them."""

    labels: dict[str, str]
    samples: list[tuple[float, float]]


class Span(NamedTuple):
    """A time range in seconds since 1970."""

    start: float
    end: float
    step: float


class Prometheus:
    """A server that is asked."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def instant(self, expression: str, at: float) -> list[Series]:
        """Return what `expression` is at a time.

        Raises:
            urllib.error.HTTPError: the query is refused.

        """
        found = self._ask("query", query=expression, time=str(at))
        return [Series(one["metric"], [_sample(one["value"])]) for one in found]

    def over(self, expression: str, span: Span) -> list[Series]:
        """Return what `expression` is over a time range.

        Raises:
            urllib.error.HTTPError: the query is refused.

        """
        found = self._ask(
            "query_range",
            query=expression,
            start=str(span.start),
            end=str(span.end),
            step=str(span.step),
        )
        return [Series(one["metric"], [_sample(v) for v in one["values"]]) for one in found]

    def _ask(self, path: str, **values: str) -> list[dict[str, Any]]:
        body = urllib.parse.urlencode(values).encode()
        request = urllib.request.Request(f"{self._url}/api/v1/{path}", data=body)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return list(json.load(answer)["data"]["result"])


def _sample(pair: list[str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
