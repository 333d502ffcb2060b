"""Where the labels of points go, so that none lies over another or over a point. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

LINE_PX = 14.0
"""Height of a label."""
NARROW = "iljtfrI.,:;'|!1-()[] "
GAPS_PX = (9.0, 18.0, 30.0, 44.0, 60.0, 80.0, 104.0)
"""Distances from the point that are tried, the nearest first."""
DIRECTIONS = ((1, 0), (-1, 0), (1, -1), (1, 1), (-1, -1), (-1, 1), (0, -1), (0, 1))
FAR_PX = 16.0
"""A label further from its point than this needs a line to it."""
STEP_PX = 6.0
"""Lines are avoided as small boxes at this distance."""
ACROSS_PX, DOWN_PX = 60.0, 30.0
"""How near a point must be to be counted as crowding another."""
NEAR_PX = 10.0
"""A label this near to a point seems to be its own."""
OUTSIDE = 20.0
"""How much worse it is to leave the canvas than to cover something."""


class Box(NamedTuple):
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover, in square pixels."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)


class Wanted(NamedTuple):
    """A label and the point that it belongs to, in pixels."""

    lines: tuple[str, ...]
    x: float
    y: float


class Placed(NamedTuple):
    """Where a label goes: its left edge and the middle of its height, in pixels."""

    left: float
    middle: float
    is_far: bool
    """True: a line must lead from the point to `near`."""
    near: tuple[float, float]


def width_px(text: str, size_px: float = 12.5) -> float:
    """Return about how wide `text` is in the pictures' font: rather more than less."""
    return sum(0.34 if c in NARROW else 0.6 for c in text) * size_px


def placed(wanted: Sequence[Wanted], obstacles: Sequence[Box], canvas: Box) -> list[Placed]:
    """Return a place for each label, in the order of `wanted`.

    Each takes the nearest place where it covers nothing, or else covers least; those with the
    narrowest surroundings choose first.

    Args:
        wanted: labels and their points.
        obstacles: what must stay visible.
        canvas: what labels may not leave.

    """
    order = sorted(range(len(wanted)), key=lambda i: (-_crowd(wanted[i], wanted), i))
    taken, labels, found = list(obstacles), list[Box](), dict[int, Placed]()
    for i in order:
        costs = (
            (
                _cost(box, taken, canvas)
                + _crossed(wanted[i], place, labels)
                + _misread(wanted, i, box, place),
                box,
                place,
            )
            for box, place in _places(wanted[i])
        )
        box, found[i] = _cheapest(costs)
        labels.append(box)
        taken += [box, *_leader(wanted[i], found[i])]
    return [found[i] for i in range(len(wanted))]


def along(start: tuple[float, float], end: tuple[float, float]) -> list[Box]:
    """Return a line from `start` to `end` as small boxes, both ends included."""
    (x, y), (to_x, to_y) = start, end
    steps = max(1, round(max(abs(to_x - x), abs(to_y - y)) / STEP_PX))
    middles = (
        (x + (to_x - x) * step / steps, y + (to_y - y) * step / steps) for step in range(steps + 1)
    )
    return [Box(px - 1.5, py - 1.5, px + 1.5, py + 1.5) for px, py in middles]


def _cheapest(costs: Iterator[tuple[float, Box, Placed]]) -> tuple[Box, Placed]:
    """Return the first that costs nothing, else the first of the cheapest: the nearest."""
    lowest, box, place = next(costs)
    for cost, other_box, other in costs:
        if lowest == 0:
            break
        if cost < lowest:
            lowest, box, place = cost, other_box, other
    return box, place


def _crossed(one: Wanted, place: Placed, labels: Sequence[Box]) -> float:
    """Return how much of `labels` the line to this place would cover."""
    return sum(part.overlap(label) for part in _leader(one, place) for label in labels)


def _misread(wanted: Sequence[Wanted], own: int, box: Box, place: Placed) -> float:
    """Return how much a label here looks like that of another point."""
    parts = [box, *_leader(wanted[own], place)]
    others = (other for number, other in enumerate(wanted) if number != own)
    near = (Box(o.x - NEAR_PX, o.y - NEAR_PX, o.x + NEAR_PX, o.y + NEAR_PX) for o in others)
    return 3 * sum(part.overlap(point) for point in near for part in parts)


def _leader(one: Wanted, place: Placed) -> list[Box]:
    return along((one.x, one.y), place.near) if place.is_far else []


def _places(one: Wanted) -> Iterator[tuple[Box, Placed]]:
    width = max(width_px(line) for line in one.lines)
    half = LINE_PX * len(one.lines) / 2
    further = half - LINE_PX / 2  # the nearest line of the label is as near as a single one
    for gap in GAPS_PX:
        for across, down in DIRECTIONS:
            middle = one.y + down * (gap + further)
            reach = gap if not down else gap * 0.6
            left = {1: one.x + reach, -1: one.x - reach - width, 0: one.x - width / 2}[across]
            box = Box(left, middle - half, left + width, middle + half)
            near = (min(max(one.x, box.left), box.right), middle - down * half)
            yield box, Placed(left, middle, gap > FAR_PX, near)


def _cost(box: Box, taken: Sequence[Box], canvas: Box) -> float:
    inside = box.overlap(canvas)
    area = (box.right - box.left) * (box.bottom - box.top)
    outside = max(area - inside, 0.0)
    return round(sum(box.overlap(other) for other in taken) + OUTSIDE * outside, 6)


def _crowd(one: Wanted, wanted: Sequence[Wanted]) -> int:
    return sum(abs(one.x - o.x) < ACROSS_PX and abs(one.y - o.y) < DOWN_PX for o in wanted)
