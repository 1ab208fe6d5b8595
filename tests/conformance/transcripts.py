"""Conversations in a file: what is sent (`>`), and what has to come back (`<`).

```
serve things.yaml                    # the plugins, beside the file; this is the default
let META = {"a": 1}                  # from here on `$META` stands for it

== What the conversation shows
> POST /things/mcp
> Mcp-Method: tools/list
> -Accept                            # without this header, which is otherwise sent
>
> {"id": 1, "params": {"_meta": $META}}
< 200                                # or 4xx, or 200|400
< Content-Type: application/json     # begins so; `...` is any text
< -Mcp-Session-Id                    # must not be there
<
< {..., "id": 1, "result": $result}
upstream nothing                     # nothing went upstream meanwhile
```

In what has to come back, `...` is any value, any text inside a text, any further members of an
object and any further items of a list; `int`, `string` and `bool` are any of their type; `"-a": 0`
says that `a` is not there; `$name` takes the value, or the one key that is left, and stands for it
from then on. `${name}` is its text inside another text. A body of no line means: empty.

Over pipes a request is `stdin` and a message, what comes back `stdout` and a message, or `nothing`.
Comments (`#`) stand on lines of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Headers = list[tuple[str, str]]
ALWAYS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<mark>[\[\]{},:])'
    r"|(?P<word>\.\.\.|\$?\w+))"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_PLAIN = {"true": True, "false": False, "null": None}
_TYPES = {"int": int, "string": str, "bool": bool}


class DiffersError(AssertionError):
    """Something else came back; the text says where and what."""


# --- a file ---------------------------------------------------------------------------------


@dataclass
class Exchange:
    """One request and what has to come back."""

    line: int
    method: str = ""
    target: str = ""
    headers: Headers = field(default_factory=list)
    body: str | None = None
    status: str = ""
    wanted: Headers = field(default_factory=list)
    answer: str | None = None
    nothing_upstream: bool = False


@dataclass(frozen=True)
class Conversation:
    """What is said one after another, with its title, its plugins and its words."""

    file: str
    title: str
    plugins: tuple[str, ...]
    words: Mapping[str, str]
    exchanges: list[Exchange]


def read(path: Path) -> Iterator[Conversation]:
    """The conversations of a file."""
    plugins: tuple[str, ...] = ("things.yaml",)
    words: dict[str, str] = {}
    head, *rest = re.split(r"^== ", path.read_text(), flags=re.MULTILINE)
    number = head.count("\n") + 1
    for line in head.splitlines():
        if line.startswith("serve "):
            plugins = tuple(line.split()[1:])
        elif named := re.fullmatch(r"let (\w+) = (.+)", line):
            words[named[1]] = filled(named[2], words)
        elif line and not line.startswith("#"):
            raise ValueError(f"{path.name}: {line!r} is neither `serve` nor `let`")
    for part in rest:
        title, _, text = part.partition("\n")
        exchanges = list(_exchanges(text, number + 1))
        yield Conversation(path.stem, title, plugins, words, exchanges)
        number += part.count("\n")


def _exchanges(text: str, number: int) -> Iterator[Exchange]:
    """Requests are runs of `>` lines, answers the runs of `<` lines behind them."""
    one: Exchange | None = None
    before = ""
    for at, line in enumerate(text.splitlines(), number):
        kind, said = line[:1], line[2:]
        if line == "upstream nothing" and one is not None:
            one.nothing_upstream = True
        elif kind == ">" and before != ">":
            if not said:  # between two exchanges
                continue
            if one is not None:
                yield one
            method, _, target = said.partition(" ")
            one = Exchange(at, method, target)
        elif kind == ">" and one is not None:
            one.body = _next(one.headers, one.body, said)
        elif kind == "<" and one is not None:
            if before != "<":
                one.status = said
            else:
                one.answer = _next(one.wanted, one.answer, said)
        elif line and kind != "#":
            raise ValueError(f"line {at}: {line!r} is neither `>` nor `<`")
        before = kind if kind in (">", "<") else before
    if one is not None:
        yield one


def _next(headers: Headers, body: str | None, line: str) -> str | None:
    """One more line: of the body, if the empty line has been, else a header."""
    if body is not None:
        return f"{body}\n{line}" if body else line
    if not line:
        return ""
    name, colon, value = line.partition(": ")
    headers.append((name, value) if colon else (line, ""))
    return None


def sent_headers(exchange: Exchange, words: Mapping[str, str]) -> Headers:
    """What is sent: what is always sent, but for what the exchange says itself."""
    given = {name.lstrip("-").lower() for name, _ in exchange.headers}
    always = [(name, value) for name, value in ALWAYS.items() if name.lower() not in given]
    own = [(name, filled(value, words)) for name, value in exchange.headers if name[:1] != "-"]
    return [*always, *own]


def filled(text: str, words: Mapping[str, str]) -> str:
    """A text with the words' JSON instead of `$name`, their own text instead of `${name}`."""

    def word(found: re.Match[str]) -> str:
        if found[2]:
            return words.get(found[2], found[0])
        value = json.loads(words[found[1]])
        return json.dumps(value)[1:-1]

    return _VARIABLE.sub(word, text)


# --- what has to come back --------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """`...`, `int`, `string`, `bool`, `$name`."""

    text: str


REST = Word("...")


def pattern(text: str) -> Any:
    """JSON with words in it; an object is a list of pairs, since `...` may be a member."""
    tokens = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not understood: {text[at : at + 40]!r}")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    value, rest = _value(tokens)
    if rest:
        raise ValueError(f"too much: {rest[0][1]!r}")
    return value


Tokens = list[tuple[str, str]]


def _value(tokens: Tokens) -> tuple[Any, Tokens]:
    (kind, text), rest = tokens[0], tokens[1:]
    if kind == "mark":
        return _object(rest) if text == "{" else _list(rest)
    if kind == "word":
        return (_PLAIN[text] if text in _PLAIN else Word(text)), rest
    return json.loads(text), rest


def _list(tokens: Tokens) -> tuple[list[Any], Tokens]:
    items = []
    while tokens[0][1] != "]":
        item, tokens = _value(tokens)
        items.append(item)
        tokens = tokens[1:] if tokens[0][1] == "," else tokens
    return items, tokens[1:]


def _object(tokens: Tokens) -> tuple[dict[Any, Any], Tokens]:
    members: dict[Any, Any] = {}
    while tokens[0][1] != "}":
        key, tokens = _value(tokens)
        if key == REST:
            members[REST] = None
        else:
            members[key], tokens = _value(tokens[1:])
        tokens = tokens[1:] if tokens[0][1] == "," else tokens
    return members, tokens[1:]


def compare(wanted: Any, came: Any, words: dict[str, str], where: str = "") -> None:
    """Hold what came against a pattern, and keep what it takes. Raises: DiffersError."""
    if isinstance(wanted, Word):
        _word(wanted, came, words, where)
    elif isinstance(wanted, dict):
        _members(wanted, came, words, where)
    elif isinstance(wanted, list):
        rest = wanted[-1:] == [REST]
        items = wanted[:-1] if rest else wanted
        if not isinstance(came, list) or len(came) < len(items):
            raise DiffersError(f"{where or 'the answer'}: {_short(came)} has fewer items")
        if not rest and len(came) > len(items):
            raise DiffersError(f"{where or 'the answer'}: {_short(came)} has more items")
        for index, item in enumerate(items):
            compare(item, came[index], words, f"{where}[{index}]")
    elif isinstance(wanted, str) and "..." in wanted:
        if not isinstance(came, str) or not like(wanted, came):
            raise DiffersError(f"{where}: {_short(came)}, not {wanted!r}")
    elif wanted != came or isinstance(wanted, bool) is not isinstance(came, bool):
        raise DiffersError(f"{where or 'the answer'}: {_short(came)}, not {_short(wanted)}")


def like(wanted: str, came: str) -> bool:
    """Whether a text is as wanted; `...` is any text."""
    literal = re.sub(r"([*?\[])", r"[\1]", wanted)
    return fnmatchcase(came, literal.replace("...", "*"))


def _word(word: Word, came: Any, words: dict[str, str], where: str) -> None:
    if word == REST:
        return
    if word.text.startswith("$"):
        name = word.text[1:]
        if name not in words:
            words[name] = json.dumps(came)
        elif json.loads(words[name]) != came:
            raise DiffersError(f"{where}: {_short(came)}, not {words[name]}")
        return
    kind = _TYPES[word.text]
    if not isinstance(came, kind) or isinstance(came, bool) is not (kind is bool):
        raise DiffersError(f"{where}: {_short(came)} is no {word.text}")


def _members(wanted: dict[Any, Any], came: Any, words: dict[str, str], where: str) -> None:
    if not isinstance(came, dict):
        raise DiffersError(f"{where or 'the answer'}: {_short(came)} is no object")
    left = set(came)
    for key, value in wanted.items():
        if key == REST:
            continue
        if isinstance(key, str) and key.startswith("-"):
            if key[1:] in came:
                raise DiffersError(f"{where}: {key[1:]!r} is there")
            continue
        name = _key(key, left, words, where)
        if name not in came:
            raise DiffersError(f"{where or 'the answer'}: no {name!r} in {_short(came)}")
        left.discard(name)
        compare(value, came[name], words, f"{where}.{name}")
    if left and REST not in wanted:
        raise DiffersError(f"{where or 'the answer'}: also has {sorted(left)}")


def _key(key: str | Word, left: set[str], words: dict[str, str], where: str) -> str:
    """A member's name; a `$name` takes the one that is left."""
    if isinstance(key, str):
        return key
    name = key.text[1:]
    if name not in words:
        if len(left) != 1:
            raise DiffersError(f"{where}: not one member, but {sorted(left)}")
        words[name] = json.dumps(*left)
    return str(json.loads(words[name]))


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:300]
