"""Tokens before and after, as a picture: a bar for each operation, to the left where answers are
smaller than replies, to the right and red where they are bigger."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

_MOST_ROWS = 60  # the operations with the most tokens; a picture of more is none
_LEAST, _MOST = 0.01, 4.0  # ratios beyond stand at the edge
_LINES = ((0.01, "1 %"), (0.1, "10 %"), (1.0, "same"), (2.0, "double"))
_ROW, _TOP, _LEFT, _WIDTH, _RIGHT = 26, 44, 260, 480, 190
_SMALLER, _BIGGER, _LINE, _INK = "#2f6fb0", "#b3261e", "#c4ccd4", "#1c2530"
_NAME = 36  # characters


def plot(report: dict[str, Any]) -> str:
    """An SVG of a report (`report.report_of`); "" where nothing was counted."""
    rows = [
        (f"{plugin['plugin']}.{one['operation']}", one["tokens"])
        for plugin in report["plugins"]
        for one in plugin["operations"]
        if one["tokens"]["before"] or one["tokens"]["after"]
    ]
    if not rows:
        return ""
    rows = sorted(rows, key=lambda row: -row[1]["before"])[:_MOST_ROWS]
    width, foot = _LEFT + _WIDTH + _RIGHT, _TOP + _ROW * len(rows)
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {foot + 30}" '
            f'width="{width}" height="{foot + 30}" font-family="sans-serif" font-size="13">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
        _text(10, 20, "Tokens of answers, of 100 % that the upstream sent", "start"),
    ]
    for ratio, told in _LINES:
        at = _at(ratio)
        lines.append(f'<path d="M{at:.0f} {_TOP - 6}V{foot}" stroke="{_LINE}"/>')
        lines.append(_text(at, foot + 18, told, "middle"))
    for number, (name, tokens) in enumerate(rows):
        lines += _bar(name, tokens["before"], tokens["after"], _TOP + number * _ROW)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(name: str, before: int, after: int, top: int) -> Iterator[str]:
    """From 1, where nothing was changed, to the ratio."""
    ratio = after / before if before else _MOST
    one, end = _at(1.0), _at(ratio)
    is_bigger = after > before
    shown = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    yield _text(_LEFT - 10, top + 17, shown, "end")
    yield (
        f'<rect x="{min(one, end):.0f}" y="{top + 4}" width="{max(1.0, abs(end - one)):.0f}" '
        f'height="{_ROW - 8}" fill="{_BIGGER if is_bigger else _SMALLER}"/>'
    )
    told = f"{before:,} → {after:,}" + (" BIGGER" if is_bigger else "")
    yield _text(max(one, end) + 8, top + 17, told, "start")


def _at(ratio: float) -> float:
    share = math.log(max(ratio, _LEAST) / _LEAST) / math.log(_MOST / _LEAST)
    return _LEFT + min(share, 1.0) * _WIDTH


def _text(x: float, y: float, text: str, anchor: str) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{_INK}">{escape(plain)}</text>'
    )
