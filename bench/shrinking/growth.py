"""How CPU time grows with the size of the answer, as a picture; both scales are logarithmic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

PLOT = Path(__file__).parents[2] / "docs" / "shrinking.svg"
_LEFT, _TOP, _SIDE, _HIGH = 70, 40, 480, 300
_SIZES = ((1e4, "10 KB"), (1e5, "100 KB"), (1e6, "1 MB"), (1e7, "10 MB"))
_TIMES = ((0.01, "0.01 ms"), (0.1, "0.1 ms"), (1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"))
_FIELDS, _BUDGET, _LINE, _INK = "#2f6fb0", "#c2571a", "#c4ccd4", "#1c2530"


def plot(points: Sequence[tuple[int, float, float]]) -> str:
    """An SVG of sizes in bytes, with the milliseconds that `fields` and a budget take."""
    foot = _TOP + _HIGH
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _SIDE + 110}"',
        f'  height="{foot + 40}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(
            10,
            20,
            "CPU time by the size of the answer; dashed: ten times the size, ten times the time",
            "start",
        ),
    ]
    for size, name in _SIZES:
        lines.append(f'<path d="M{_x(size):.0f} {_TOP}V{foot}" stroke="{_LINE}"/>')
        lines.append(_text(_x(size), foot + 20, name, "middle"))
    for ms, name in _TIMES:
        lines.append(f'<path d="M{_LEFT} {_y(ms):.0f}H{_LEFT + _SIDE}" stroke="{_LINE}"/>')
        lines.append(_text(_LEFT - 8, _y(ms) + 5, name, "end"))
    lines += _curve(points, lambda one: one[1], _FIELDS, "fields", -4)
    lines += _curve(points, lambda one: one[2], _BUDGET, "budget", 14)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _curve(
    points: Sequence[tuple[int, float, float]],
    of: Callable[[tuple[int, float, float]], float],
    colour: str,
    name: str,
    down: int,
) -> Iterable[str]:
    """The curve, and the line on which it would be were it linear, through its last point."""
    size, last = points[-1][0], of(points[-1])
    # Down to the first size or the least time, whichever is met first.
    first = max(points[0][0], size * _TIMES[0][0] / last)
    yield (
        f'<path d="M{_x(first):.0f} {_y(last * first / size):.0f}L{_x(size):.0f} {_y(last):.0f}" '
        f'stroke="{colour}" stroke-dasharray="3 5"/>'
    )
    way = "L".join(f"{_x(one[0]):.1f} {_y(of(one)):.1f}" for one in points)
    yield f'<path d="M{way}" stroke="{colour}" stroke-width="2" fill="none"/>'
    for one in points:
        yield f'<circle cx="{_x(one[0]):.1f}" cy="{_y(of(one)):.1f}" r="3.5" fill="{colour}"/>'
    yield _text(_x(size) + 10, _y(last) + down, f"{name}, {last:.0f} ms", "start")


def _x(size: float) -> float:
    return _LEFT + _SIDE * _share(size, _SIZES[0][0], _SIZES[-1][0])


def _y(ms: float) -> float:
    return _TOP + _HIGH * (1 - _share(ms, _TIMES[0][0], _TIMES[-1][0]))


def _share(value: float, least: float, most: float) -> float:
    return math.log(max(value, least) / least) / math.log(most / least)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'
    )
