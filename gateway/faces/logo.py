"""Draw the built-in logo: a plug before a gate, in a colour of the plugin's own. Pure.

The picture is 512 by 512 RGBA, as platforms suggest, written as PNG (RFC 2083). Every shape is
upright and symmetric, so a row of a shape is one span around its middle; only the pixels at a
span's two ends need smoothing, and rows are otherwise runs of one colour. That makes it some
milliseconds of plain Python.
"""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import floor, sqrt

SIDE = 512
_SAMPLES = (0.125, 0.375, 0.625, 0.875)  # heights within a row at which a curve is looked at
# Hues far enough apart to tell from each other and dark enough below white.
_HUES = (0.02, 0.07, 0.36, 0.44, 0.50, 0.55, 0.60, 0.65, 0.71, 0.77, 0.86, 0.93)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle around `middle` with round corners; the radii at its top and bottom differ."""

    middle: int
    top: float
    bottom: float
    half: float
    top_radius: float = 0.0
    bottom_radius: float = 0.0

    def reach(self, y: float) -> float:
        """How far it goes to both sides at a height; negative outside of it."""
        if not self.top <= y < self.bottom:
            return -1.0
        if (down := self.top + self.top_radius - y) > 0:
            return self.half - self.top_radius + sqrt(self.top_radius**2 - down**2)
        if (down := y - (self.bottom - self.bottom_radius)) > 0:
            return self.half - self.bottom_radius + sqrt(self.bottom_radius**2 - down**2)
        return self.half


_TILE = Shape(256, 0, 512, 256, 116, 116)
_GLOW = Shape(256, 40, 472, 216, 216, 216)
_MARK = (
    Shape(256 - 56, 92, 208, 19, 19),  # two prongs
    Shape(256 + 56, 92, 208, 19, 19),
    Shape(256, 186, 374, 124, 26, 124),  # the plug's body
    Shape(256, 364, 512, 19),  # its cord, which leaves the picture
)
_GATE = Shape(256, 222, 322, 42, 42, 8)


def draw(name: str) -> bytes:
    """Draw the logo of a plugin as PNG; the same name gives the same bytes."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return _drawn(_HUES[number % len(_HUES)])


@lru_cache(maxsize=len(_HUES))
def _drawn(hue: float) -> bytes:
    above, below = _colour(hue - 0.025, 0.54, 0.72), _colour(hue + 0.035, 0.33, 0.78)
    rows = bytearray()
    for y in range(SIDE):
        ground = _mix(above, below, y / (SIDE - 1))
        light = _mix(ground, (255, 255, 255), 0.10)
        row = bytearray(_pixel(ground) * SIDE)
        _paint(row, y, _GLOW, light)
        for shape in _MARK:
            _paint(row, y, shape, (255, 255, 255))
        _paint(row, y, _GATE, light)
        _clip(row, y)
        rows += b"\x00" + row
    return _png(bytes(rows))


def _colour(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _pixel(colour: Colour) -> bytes:
    return bytes((*colour, 255))


def _cover(shape: Shape, y: int) -> tuple[int, int, dict[int, float]]:
    """What a shape covers of a row: whole pixels from, to, and the share of those at the ends."""
    if not shape.top - 1 < y < shape.bottom:
        return 0, 0, {}
    reaches = [shape.reach(y + sample) for sample in _SAMPLES]
    inner, outer = max(0, floor(min(reaches))), max(reaches)
    start, end = shape.middle - inner, shape.middle + inner
    ends = {}
    for x in range(floor(shape.middle - outer), start):
        shares = (x + 1 - max(x, shape.middle - reach) for reach in reaches if reach > 0)
        share = sum(share for share in shares if share > 0) / len(_SAMPLES)
        ends[x] = ends[2 * shape.middle - 1 - x] = share
    return start, end, ends


def _paint(row: bytearray, y: int, shape: Shape, colour: Colour) -> None:
    start, end, ends = _cover(shape, y)
    row[4 * start : 4 * end] = _pixel(colour) * (end - start)
    for x, share in ends.items():
        if share > 0:
            red, green, blue, _ = row[4 * x : 4 * x + 4]
            row[4 * x : 4 * x + 4] = _pixel(_mix((red, green, blue), colour, share))


def _clip(row: bytearray, y: int) -> None:
    """Make transparent what lies outside of the tile."""
    start, end, ends = _cover(_TILE, y)
    for x, share in ends.items():
        row[4 * x + 3] = round(255 * share)
    first, last = start - len(ends) // 2, end + len(ends) // 2
    row[: 4 * first] = bytes(4 * first)
    row[4 * last :] = bytes(len(row) - 4 * last)


def _png(rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
