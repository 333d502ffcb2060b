"""At which of its loads a workload is judged. What is not there raises Untold."""

import math
from typing import NamedTuple

from slmeval_api.result import Failure, LoadPoint, WorkloadFigures, WorkloadResult

from .judged import Untold

ROUNDED = 0.00005
"""Rates are reported with four places after the point."""


class Loaded(NamedTuple):
    """What a workload showed at one load."""

    figures: WorkloadFigures
    load: str | None
    """The level of concurrency, or the rate; None: the workload has only one."""
    is_met: bool | None
    """Whether its objectives were met; None: it has none."""


def loaded(workload: WorkloadResult, load: str | None) -> Loaded:
    """Return what `workload` showed at `load`.

    None: at its only one; or at the fastest of its levels, or the highest of its rates that met
    the objectives. Which one that is is known only where every level or rate has figures.
    """
    if load is not None:
        wanted = float(load)
        there = (p for p in workload.points if math.isclose(_load(p), wanted, abs_tol=ROUNDED))
        return _at(workload, next(there, None), load)
    if workload.figures:
        return Loaded(workload.figures, None, None)
    points = [_of_any(workload, point) for point in workload.points]
    if not points:
        raise Untold(_no_figures(workload.name, workload.failure))
    if workload.kind == "concurrency":
        return max(points, key=lambda point: float(point.figures.requests_per_second))
    good = [point for point in points if point.is_met is not False]
    if not good:
        rates = ", ".join(_text(point) for point in workload.points)
        raise Untold(
            f"no rate of workload {workload.name} met its objectives ({rates} a second): offer "
            "lower rates, or name load"
        )
    return max(good, key=lambda point: float(point.load or 0))


def _of_any(workload: WorkloadResult, point: LoadPoint) -> Loaded:
    try:
        return _at(workload, point, _text(point))
    except Untold as error:
        raise Untold(f"{error}, so it is not known which load to judge: name load") from error


def _at(workload: WorkloadResult, point: LoadPoint | None, load: str) -> Loaded:
    if point is None or point.figures is None:
        raise Untold(_no_figures(f"{workload.name} at {load}", point.failure if point else None))
    return Loaded(point.figures, load, point.goodput.is_met if point.goodput else None)


def _no_figures(what: str, failure: Failure | None) -> str:
    why = f" ({failure.reason})" if failure else ""
    return f"workload {what} has no valid figures{why}"


def _text(point: LoadPoint) -> str:
    return point.offered_requests_per_second or str(point.concurrency or 0)


def _load(point: LoadPoint) -> float:
    return float(_text(point))
