from __future__ import annotations

import base64
import json
import random
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.pipeline.mask import Mask

SECRET = 'p"ss wörd/+7'


def test_a_secret_is_masked_in_every_form_it_may_come_back_in() -> None:
    mask = Mask([SECRET])
    echoed = json.dumps(
        {
            "plain": SECRET,
            "query": quote(SECRET, safe=""),
            "basic": base64.b64encode(f"user:{SECRET}".encode()).decode(),
            "url-safe": base64.urlsafe_b64encode(SECRET.encode()).decode(),
        }
    )
    body = mask.body(echoed.encode()).decode()
    said = json.loads(body)
    assert said["plain"] == "[masked]"
    assert said["query"] == "[masked]"
    assert said["url-safe"] == "[masked]"
    assert "[masked]" in said["basic"]
    assert SECRET[2:] not in body


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_inside_a_longer_base64_text_is_masked_at_every_alignment(
    before: bytes, after: bytes
) -> None:
    encoded = base64.b64encode(before + b"topsecret-key-4711" + after)
    masked = Mask(["topsecret-key-4711"]).body(encoded)
    assert b"[masked]" in masked


def test_a_body_without_secrets_is_the_very_same_object() -> None:
    body = b'{"a": 1}'
    assert Mask(["topsecret"]).body(body) is body


def test_a_very_short_secret_masks_nothing() -> None:
    assert Mask(["a"]).body(b"banana") == b"banana"


def test_headers_are_masked_too() -> None:
    assert Mask(["topsecret"]).headers((("X", "k=topsecret"),)) == (("X", "k=[masked]"),)


def escaped(text: str) -> str:
    """As JSON may write it, every character escaped."""
    return "".join(f"\\u{ord(char):04X}" for char in text)


def test_a_secret_in_json_escapes_is_masked_and_the_rest_stays_as_it_was_written() -> None:
    body = '{"a":"caf\\u00e9 \\/","b":"' + escaped("topsecret") + '","c":"\\u00e9"}'
    said = '{"a":"caf\\u00e9 \\/","b":"[masked]","c":"\\u00e9"}'
    assert Mask(["topsecret"]).body(body.encode()) == said.encode()


ANY = "p\"a\\ss/wörd (1)!*'~+&=%"


@given(data=st.data(), secret=st.sampled_from([ANY, "topsecret-4711", "naïve-\U0001f511-key"]))
def test_each_character_may_be_written_in_its_own_way(data: st.DataObject, secret: str) -> None:
    said = b""
    for char in secret:
        units = char.encode("utf-16-be").hex(" ", 2).split()
        percent = "".join(f"%{byte:02x}" for byte in char.encode())
        ways = [char, percent, percent.upper(), "".join("\\u" + unit for unit in units)]
        ways += ["".join("\\u" + unit.upper() for unit in units), json.dumps(char)[1:-1]]
        ways += ["+"] if char == " " else []
        said += data.draw(st.sampled_from(ways)).encode()
    if said.find(b"\\\\") < 0:  # which of many backslashes escapes which says what stands before
        mask = Mask([secret])
        assert mask.body(b"<" + said + b">") == b"<[masked]>"
        assert mask.text(f"<{said.decode()}>") == "<[masked]>"
        search = mask.search()
        got = b"".join(search.feed(said[at : at + 3]) for at in range(0, len(said), 3))
        assert got + search.end() == b"[masked]"


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (rb"a\u0022b\u005cc\u0022d", 'a"b\\c"d'),
        (rb"a\"b\\c\"d", 'a"b\\c"d'),
        (b"it's(top)*!secret", "it's(top)*!secret"),  # encodeURIComponent leaves these
        (b"it%27s%28top%29%2A%21secret", "it's(top)*!secret"),
        (b"%74%6f%70%73%65%63%72%65%74", "topsecret"),
        (b"caf%E9-key", "café-key"),  # of a page in Latin-1
        ("café-key".encode("latin-1"), "café-key"),
    ],
)
def test_every_way_to_write_a_character_is_known(said: bytes, secret: str) -> None:
    assert Mask([secret]).body(said) == b"[masked]"
    assert Mask([secret]).headers((("X", said.decode("utf-8", "surrogateescape")),)) == (
        ("X", "[masked]"),
    )


@pytest.mark.parametrize("charset", ["utf-16le", "UTF-16", "utf-32-be", "utf-7", "cp037"])
def test_a_body_in_another_charset_is_searched_as_the_text_that_it_is(charset: str) -> None:
    mask, body = Mask(["topsecret"]), '{"a": "topsecret é"}'.encode(charset)
    assert mask.body(body, charset).decode(charset) == '{"a": "[masked] é"}'
    other = '{"a": "é"}'.encode(charset)
    assert mask.body(other, charset) is other


# What a body is made of where secrets, their forms, their parts and escapes come thick.
SECRETS = ("topsecret", "secret", "a/b/c+d/é", SECRET, "[masked]", "ends\\\\", "41secret")
PARTS = [
    *(form for one in SECRETS for form in (one, one[:4], one[4:], escaped(one), escaped(one[:2]))),
    *(form for one in SECRETS for form in (quote(one, safe=""), json.dumps(one)[1:-1])),
    *(base64.b64encode((" " * n + one).encode()).decode() for one in SECRETS for n in range(3)),
    "\\", "\\u", "\\u00", "/", "\\/", "\\ud83d", '"', "e", "s", "\n", "x" * 40,
]  # fmt: skip


@given(
    secrets=st.sets(st.sampled_from(SECRETS), max_size=3),
    parts=st.lists(st.sampled_from(PARTS), max_size=12),
    seed=st.integers(0, 999),
    longest=st.integers(1, 80),
)
@example({"topsecret"}, ["topsecret"], 0, 1)
@example({"topsecret"}, [escaped("topsecret")], 0, 1)
@example({"41secret"}, ["\\u0041secr\\u0065t", *["x" * 40] * 9], 0, 1)  # no part of an escape
def test_in_pieces_it_is_masked_as_it_is_whole(
    secrets: set[str], parts: list[str], seed: int, longest: int
) -> None:
    mask, body = Mask(sorted(secrets)), "".join(parts).encode()
    search, said, dice = mask.search(), b"", random.Random(seed)  # noqa: S311
    rest = body
    while rest:
        size = dice.randint(1, longest)
        said += search.feed(rest[:size])
        rest = rest[size:]
    assert said + search.end() == mask.body(body)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_a_search_holds_back_is_bounded(size: int) -> None:
    search, given_, said = Mask(["topsecret"]).search(), 0, 0
    for _ in range(1000):
        given_ += size
        said += len(search.feed(b"\\" * size))
        assert given_ - said < 1000


@pytest.mark.parametrize(
    "written", [b"topsecret-4711", rb"tops\u0065cret-4711", b"topsecret%2D4711"]
)
@pytest.mark.parametrize("at", [0, 65_530, 131_072, 599_990])
def test_a_long_body_is_searched_in_pieces_and_none_of_it_is_missed(
    written: bytes, at: int
) -> None:
    mask = Mask(["topsecret-4711"])
    plain = b"a%20b" * 120_000
    assert mask.body(plain) is plain
    body = plain[:at] + written + plain[at:]
    assert mask.body(body) == plain[:at] + b"[masked]" + plain[at:]
