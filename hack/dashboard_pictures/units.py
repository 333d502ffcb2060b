"""Values as Grafana would write them, near enough. Pure."""

import math

SCALES = {
    "short": (1000, ("", " K", " Mil", " Bil")),
    "bytes": (1024, (" B", " KiB", " MiB", " GiB", " TiB")),
}
ENDS = {"reqps": " req/s", "ops": " ops/s", "cpm": " c/m", "joule": " J", "percent": "%"}
SPANS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

AXES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((86_400, " d"), (3_600, " h"), (60, " min"), (1, " s"), (0.001, " ms"), (1e-6, " µs")),
    "bytes": ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")),
    "percentunit": ((0.01, "%"),),
    "percent": ((1, "%"),),
    "joule": ((1, " J"),),
    "short": ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (1, "")),
}


def axis_of(most: float, unit: str) -> tuple[float, str]:
    """Return the unit of an axis that reaches `most`: what values are divided by, and its name."""
    parts = AXES.get(unit, ((1, ""),))
    # 90 s reads better than 1.5 min, and 1.5 s than 1500 ms.
    fits = (p for p in parts if most >= (2 * p[0] if p[0] > 1 else p[0]))
    return next(fits, parts[-1])


def text_of(value: float, unit: str, decimals: int | None = None) -> str:
    """Return `value` with its unit."""
    if math.isnan(value):
        return "NaN"
    if unit == "dtdurations":
        return _duration(value)
    if unit == "percentunit":
        return _plain(value * 100, 1 if decimals is None else decimals) + "%"
    if unit == "s":
        return _seconds(value, decimals)
    if unit in SCALES:
        return _scaled(value, *SCALES[unit], decimals)
    return _plain(value, decimals) + ENDS.get(unit, "")


def _plain(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004


def _scaled(value: float, base: int, ends: tuple[str, ...], decimals: int | None) -> str:
    for end in ends[:-1]:
        if abs(value) < base:
            return _plain(value, decimals) + end
        value /= base
    return _plain(value, decimals) + ends[-1]


def _seconds(value: float, decimals: int | None) -> str:
    size = abs(value)
    for bound, length, end in ((0.001, 1e-6, " µs"), (1, 0.001, " ms"), (60, 1, " s")):
        if size < bound:
            return _plain(value / length, decimals) + end
    for bound, length, end in ((3600, 60, " mins"), (86_400, 3600, " hours")):
        if size < bound:
            return _plain(value / length, decimals) + end
    return _plain(value / 86_400, decimals) + " days"


def _duration(value: float) -> str:
    """Return the two largest parts of a duration."""
    rest, words = abs(value), list[str]()
    for length, word in SPANS:
        count, rest = divmod(rest, length)
        if count and len(words) < 2:  # noqa: PLR2004
            words.append(f"{count:.0f} {word}{'s' if count != 1 else ''}")
    return ", ".join(words) or "0 seconds"
