"""Checkers that share no code with what they check: JSON read strictly, tokens by tiktoken, cuts
counted anew, slices put together.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import pytest
import tiktoken
import tiktoken_ext.openai_public
from splintr import Tokenizer

from gateway.shrinking.announce import Mark
from gateway.shrinking.asked import Step, below, read

Path: TypeAlias = tuple[str | int, ...]
Get: TypeAlias = Callable[[str, int], Awaitable[Any]]


class Number(str):
    """A number's own text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__


def strict(text: bytes) -> Any:
    """Read JSON as RFC 8259 and RFC 7493 have it: UTF-8, no NaN, no name twice. Numbers keep
    their text, and objects their order."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        assert len(found) == len(pairs), "a name twice"
        return found

    def nothing(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    value = json.loads(
        text.decode("utf-8", "strict"),
        object_pairs_hook=members,
        parse_int=Number,
        parse_float=Number,
        parse_constant=nothing,
    )
    json.dumps(value, ensure_ascii=False).encode()  # no lone surrogate
    return value


# --- tokens -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _tiktoken() -> tiktoken.Encoding:
    """tiktoken's own o200k_base, offline: its ranks come from the package that the gateway counts
    with, and are checked against the digest that tiktoken expects of its own download."""

    def ranks(_address: str, expected_hash: str) -> dict[bytes, int]:
        tokenizer = Tokenizer.from_pretrained("o200k_base")
        tokens = [bytes(tokenizer.decode_token_bytes(rank)) for rank in range(199_998)]
        lines = (b"%b %d\n" % (base64.b64encode(one), n) for n, one in enumerate(tokens))
        assert hashlib.sha256(b"".join(lines)).hexdigest() == expected_hash
        return {token: rank for rank, token in enumerate(tokens)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", ranks)
        return tiktoken.Encoding(**tiktoken_ext.openai_public.o200k_base())


def tokens(text: bytes) -> int:
    """Count as readers of answers do."""
    return len(_tiktoken().encode(text.decode(), disallowed_special=()))


# --- cuts -------------------------------------------------------------------------------------


def cuts(whole: Any, sent: Any, path: Path = ()) -> Iterator[tuple[Path, str, int, int]]:
    """Walk both side by side: where, what is counted, how much is left of how much. Whatever is
    there is as it was, at its place."""
    if isinstance(whole, dict):
        assert isinstance(sent, dict), path
        assert [key for key in whole if key in sent] == list(sent), path
        if len(sent) < len(whole):
            yield path, "keys", len(sent), len(whole)
        for key, value in sent.items():
            yield from cuts(whole[key], value, (*path, key))
    elif isinstance(whole, list):
        assert isinstance(sent, list), path
        assert len(sent) <= len(whole), path
        if len(sent) < len(whole):
            yield path, "rows", len(sent), len(whole)
        for number, one in enumerate(sent):
            yield from cuts(whole[number], one, (*path, number))
    elif whole != sent:
        assert type(whole) is str, path
        assert type(sent) is str, path
        assert sent.endswith("…"), path
        assert whole.startswith(sent[:-1]), path
        yield path, "characters", len(sent) - 1, len(whole)


def check_told(whole: Any, sent: Any, told: dict[str, Any]) -> None:
    """Every cut is told, at the path that means it, and nothing else is."""
    said = {
        path: numbers
        for path, numbers in told.items()
        if path not in ("more", "pages") and not numbers.keys() <= {"removed"}
    }
    counted = {path: [0, 0] for path in said}
    for path, unit, kept, total in cuts(whole, sent):
        entry = counted[_meant(path, unit, list(said))]
        entry[0] += kept
        entry[1] += total
    for path, numbers in said.items():
        assert [int(numbers["kept"]), int(numbers["total"])] == counted[path], path
        assert int(numbers["kept"]) < int(numbers["total"])


def _meant(path: Path, unit: str, said: list[str]) -> str:
    """The announced path that means a place: of several the one that says most."""
    found = [one for one in said if _fits(read(one), path) and _unit(one) in (None, unit)]
    assert found, (path, unit, said)

    def precise(one: str) -> tuple[Any, ...]:
        steps = read(one)
        return (
            Mark.BELOW not in steps,
            -sum(step is Mark.ANY for step in steps),
            len(steps),
            _unit(one) is not None,
        )

    return max(found, key=precise)


def _unit(path: str) -> str | None:
    match = re.search(r" \((characters|rows|keys)\)$", path)
    return match[1] if match else None


def _fits(steps: Sequence[Step], path: Path) -> bool:
    for number, step in enumerate(steps):
        if step is Mark.BELOW:
            return True
        if number >= len(path):
            return False
        here = path[number]
        right = isinstance(here, int) if step is Mark.ROW else isinstance(here, str)
        if not right or (isinstance(step, str) and step != here):
            return False
    return len(path) == len(steps)


# --- slices -----------------------------------------------------------------------------------


async def collected(get: Get, path: str) -> Any:
    """What is at a path, of slices alone; whoever meets a row that was cut goes into it."""
    rows: list[Any] = []
    members: dict[str, Any] = {}
    text, offset, kind = "", 0, "items"
    steps = _plain(path)
    marks = [n for n, step in enumerate(steps) if isinstance(step, Mark)]
    part = steps[marks[0] + 1 :] if marks else []
    way = "$"
    for step in steps[: marks[0]] if marks else steps:
        way = below(way, step)
    while True:
        piece = await get(path, offset)
        if "value" in piece:
            return piece["value"]
        (kind,) = piece.keys() & {"items", "members", "text"}
        assert int(piece["offset"]) == offset
        end = int(piece.get("next", piece["total"]))
        assert end > offset or "next" not in piece
        if kind == "text":
            text += piece["text"]
        elif "_shrunk" in piece:
            assert end == offset + 1, "only one row that is alone is ever cut"
            if kind == "items":
                rows.append(dug(await collected(get, below(way, offset)), part))
            else:
                (key,) = piece["members"]
                members[key] = dug(await collected(get, below(way, key)), part)
        elif kind == "items":
            rows += piece["items"]
        else:
            members |= piece["members"]
        if "next" not in piece:
            return {"text": text, "items": rows, "members": members}[kind]
        offset = end


def _plain(path: str) -> list[Step]:
    """The steps of a path without what takes everything below."""
    steps = read(path)
    if Mark.BELOW in steps:
        steps = steps[: steps.index(Mark.BELOW)]
    while steps and isinstance(steps[-1], Mark):
        steps.pop()
    return steps


def dug(value: Any, steps: Sequence[Step]) -> Any:
    """What a path leads to: of every row where it says so, null where a row has no such part."""
    found = _dug(value, list(steps))
    return None if found is ... else found


def _dug(value: Any, steps: list[Step]) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        if isinstance(step, int):
            return _dug(value[step], rest) if step < len(value) else ...
        found = [_dug(one, rest if isinstance(step, Mark) else steps) for one in value]
        return [one for one in found if one is not ...]
    if isinstance(value, dict):
        if step is Mark.ANY:
            parts = {key: _dug(one, rest) for key, one in value.items()}
            return {key: one for key, one in parts.items() if one is not ...}
        return _dug(value[str(step)], rest) if str(step) in value else ...
    return ...


def expected(whole: Any, path: str) -> Any:
    """What slices at a path are to give of the whole."""
    value, steps = whole, _plain(path)
    for number, step in enumerate(steps):
        if isinstance(step, Mark):
            rest = steps[number + 1 :]
            if isinstance(value, list):
                return [dug(one, rest) for one in value]
            parts = {key: _dug(one, rest) for key, one in value.items()}
            return {key: one for key, one in parts.items() if one is not ...}
        value = value[step]  # type: ignore[index] # a key of an object, a number of an array
    return value
