"""A run as a picture: what the gateway held, and the calls of each second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.soak.running import Run

MIB = 1024 * 1024
_WIDTH, _HEIGHT, _LEFT, _TOP = 560, 130, 60, 36
_LINE, _INK = "#c4ccd4", "#1c2530"
_COLOURS = ("#2f6fb0", "#c8722a", "#5b8c3a", "#8a949e")


Panel = tuple[str, dict[str, Sequence[float]]]  # a title, and lines by their names


def plot(run: Run) -> str:
    """An SVG of two panels over the same seconds."""
    held = [one.resident / MIB for one in run.seconds]
    panels: list[Panel] = [
        ("Held by the gateway, MiB", {"resident": held}),
        (
            "Each second",
            {
                name: [float(one.seen[name]) for one in run.seconds]
                for name in ("reads", "hit", "502")
            },
        ),
    ]
    return draw(panels, len(held))


def draw(panels: Sequence[Panel], seconds: float) -> str:
    """An SVG of panels over the same seconds."""
    foot = len(panels) * (_HEIGHT + _TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}"',
        f'  height="{foot + 30}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, series) in enumerate(panels):
        lines += _panel(title, series, number * (_HEIGHT + _TOP) + _TOP)
    for third in range(4):
        at = _LEFT + _WIDTH * third / 3
        lines.append(f'<path d="M{at:.0f} {_TOP}V{foot}" stroke="{_LINE}"/>')
        lines.append(_text(at, foot + 18, f"{seconds * third / 3:.0f} s", "middle"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(title: str, series: Mapping[str, Sequence[float]], top: int) -> Iterator[str]:
    most = max(1.0, *(max(values, default=0.0) for values in series.values()))
    foot = top + _HEIGHT
    yield _text(_LEFT, top - 8, title, "start")
    for share in (0.0, 0.5, 1.0):
        at = foot - share * _HEIGHT
        yield f'<path d="M{_LEFT} {at:.0f}H{_LEFT + _WIDTH}" stroke="{_LINE}"/>'
        yield _text(_LEFT - 8, at + 4, f"{most * share:.0f}", "end")
    for (name, values), colour in zip(series.items(), _COLOURS, strict=False):
        step = _WIDTH / max(1, len(values) - 1)
        points = " ".join(
            f"{_LEFT + number * step:.1f},{foot - value / most * _HEIGHT:.1f}"
            for number, value in enumerate(values)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        if values:
            last = foot - values[-1] / most * _HEIGHT + 4
            yield _text(_LEFT + _WIDTH + 6, last, name, "start", colour)


def _text(x: float, y: float, text: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
