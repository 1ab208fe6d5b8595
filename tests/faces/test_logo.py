from __future__ import annotations

import struct
import zlib

from gateway.faces.logo import SIDE, draw


def pixels(png: bytes) -> bytes:
    """Unpack a PNG of our own making, checking every chunk's checksum."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, kinds = 8, b"", []
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", png, at + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        kinds.append(kind)
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack_from(">IIBB", png, 16) == (512, 512, 8, 6)
    rows = zlib.decompress(data)
    assert len(rows) == SIDE * (1 + 4 * SIDE)
    return b"".join(rows[1 + y * (1 + 4 * SIDE) : (y + 1) * (1 + 4 * SIDE)] for y in range(SIDE))


def test_it_is_a_picture_of_the_suggested_size_with_a_mark_on_round_ground() -> None:
    picture = pixels(draw("sportStats"))

    def at(x: int, y: int) -> tuple[int, ...]:
        return tuple(picture[4 * (y * SIDE + x) :][:4])

    assert at(0, 0)[3] == at(511, 511)[3] == 0  # round corners, transparent
    assert at(200, 150) == at(312, 150) == (255, 255, 255, 255)  # the prongs
    assert at(256, 200) == at(256, 500) == (255, 255, 255, 255)  # the body, the cord
    assert at(256, 280)[3] == 255
    assert at(256, 280) != (255, 255, 255, 255)  # the gate
    for y in range(0, SIDE, 7):
        assert all(at(x, y) == at(SIDE - 1 - x, y) for x in range(0, 256, 3))


def test_a_name_always_has_its_colour_and_names_differ() -> None:
    assert draw("stocks") == draw("stocks")
    assert len({draw(f"plugin{number}") for number in range(40)}) > 6
    assert len(draw("stocks")) < 40_000
