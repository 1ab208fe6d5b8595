"""The ratios as a picture: a bar for each rival, its CPU time beside that of what it is against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from bench.race import Result

PLOT = Path(__file__).parents[1] / "docs" / "performance.svg"
# Ratios stand on a logarithmic scale: twice as fast is as far to the right as half is to the left.
_LEAST, _MOST, _LINES = 0.03, 16.0, (0.1, 1.0, 10.0)
_ROW, _TOP, _LEFT, _WIDTH = 26, 40, 140, 500
_OURS, _OTHERS, _LINE, _INK = "#2f6fb0", "#9aa5b1", "#c4ccd4", "#1c2530"


def plot(results: Sequence[Result]) -> str:
    """An SVG: how many calls each answers in the CPU time of one call of bare aiohttp."""
    shown = [(one.name, one.ratio_cpu) for one in results if one.ratio_cpu is not None]
    foot = _TOP + _ROW * len(shown)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 10}"',
        f'  height="{foot + 26}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(10, 20, "Calls in the CPU time of one call of bare aiohttp; more is better", "start"),
    ]
    for ratio in _LINES:
        at = _at(ratio)
        lines.append(f'<path d="M{at:.0f} {_TOP - 6}V{foot}" stroke="{_LINE}"/>')
        lines.append(_text(at, foot + 18, f"{ratio:g}", "middle"))
    for number, (name, ratio) in enumerate(shown):
        lines += _bar(name, ratio, _TOP + number * _ROW)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(name: str, ratio: float, top: int) -> Iterable[str]:
    """From 1, where bare aiohttp stands, to the ratio."""
    one, end = _at(1.0), _at(ratio)
    colour = _OURS if name.startswith(("proxied", "cached")) else _OTHERS
    yield _text(_LEFT - 10, top + 17, name, "end")
    yield (
        f'<rect x="{min(one, end):.0f}" y="{top + 4}" width="{max(1.0, abs(end - one)):.0f}" '
        f'height="{_ROW - 8}" fill="{colour}"/>'
    )
    beside, anchor = (end + 6, "start") if ratio >= 1 else (end - 6, "end")
    yield _text(beside, top + 17, f"{ratio:.2f}", anchor)


def _at(ratio: float) -> float:
    share = math.log(max(ratio, _LEAST) / _LEAST) / math.log(_MOST / _LEAST)
    return _LEFT + min(share, 1.0) * _WIDTH


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'
    )
