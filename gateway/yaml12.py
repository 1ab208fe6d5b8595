"""YAML and JSON text → plain values, bounded. For specs of megabytes as for configs of a page.

A builder over libyaml's *events*, since PyYAML's own loaders read YAML 1.1 (`no`, `18:00`,
`2024-01-01` would not stay what they look like), take several times as long, and die of
recursion in C on deep nesting. What comes out is what JSON can say: mappings with text keys,
lists, text, finite numbers, booleans, null. Whatever the text is, it is read or `Unreadable`
is raised, in time linear in its size.

Source: YAML 1.2.2 §10.3 (core schema), with two exceptions in favour of what people mean: a
number with leading zeros (`012`) is text, and so is one that no float can hold (`5e880231`,
a commit). `<<` (https://yaml.org/type/merge.html) is understood, as specs in the wild use it.
"""

from __future__ import annotations

import codecs
import gc
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn, Protocol

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gateway.errors import Unreadable

Path = Sequence[str | int]
Place = tuple[int, int]  # line and column, from 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read. The largest public spec (Microsoft Graph) has 40 MB of YAML, 1.5
    million values; the deepest ones nest 40 levels; anchors repeat a few kilobytes.

    `repeated` is the characters that aliases stand for, all together.
    """

    bytes: int = 64 * 1024 * 1024
    values: int = 5_000_000
    depth: int = 200
    repeated: int = 16 * 1024 * 1024


DEFAULT = Limits()


def load(text: str | bytes, limits: Limits = DEFAULT) -> Any:
    """Read YAML 1.2. Values that an alias repeats are shared: change nothing in place.

    Raises: Unreadable.
    """
    return _load(_decode(text, limits), limits, None)


def load_marked(text: str | bytes, limits: Limits = DEFAULT) -> tuple[Any, Marks]:
    """Read YAML 1.2 and keep where each key and value stands.

    Raises: Unreadable.
    """
    marks = Marks()
    marks.root = _load(_decode(text, limits), limits, marks)
    return marks.root, marks


def load_json(text: str | bytes, limits: Limits = DEFAULT) -> Any:
    """Read JSON (RFC 8259). Of equal keys the last wins, as with every JSON reader.

    Raises: Unreadable.
    """
    value = _quick_json(text, limits)
    if value is not _NOTHING:
        return value
    try:
        return _load_json(_decode(text, limits), limits)
    except json.JSONDecodeError as error:
        raise _json_error(error) from None


def read(text: str | bytes, limits: Limits = DEFAULT) -> Any:
    """Read JSON or YAML: what begins like JSON and is none may still be YAML.

    Raises: Unreadable.
    """
    value = _quick_json(text, limits)
    if value is not _NOTHING:
        return value
    decoded = _decode(text, limits)
    if not decoded.lstrip().startswith(("{", "[", '"')):
        return _load(decoded, limits, None)
    try:
        return _load_json(decoded, limits)
    except json.JSONDecodeError as error:
        as_json = _json_error(error)
    try:
        return _load(decoded, limits, None)
    except Unreadable as as_yaml:
        # Whichever reader came further knew better what the text is.
        raise max(as_json, as_yaml, key=lambda one: (one.line, one.column)) from None


class Marks:
    """Where keys and values stand. What an alias repeats stands where its anchor is."""

    def __init__(self) -> None:
        self.root: Any = None
        self.start: Place = (1, 1)
        # By the identity of the container, which `root` keeps alive: key → (key, value).
        self.entries: dict[int, dict[str | int, tuple[Place, Place]]] = {}

    def key(self, path: Path) -> Place:
        """Where the last key of `path` stands; for a list's item, the item."""
        return self._find(path)[0]

    def value(self, path: Path) -> Place:
        """Where the value at `path` stands, or its nearest parent that is there."""
        return self._find(path)[1]

    def _find(self, path: Path) -> tuple[Place, Place]:
        node, found = self.root, (self.start, self.start)
        for step in path:
            entry = self.entries.get(id(node), {}).get(step)
            if entry is None:
                break
            node, found = node[step], entry
        return found


# --- text -------------------------------------------------------------------------------------

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
          (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip


def _decode(text: str | bytes, limits: Limits) -> str:
    """Text without its byte order mark (YAML 1.2.2 §5.2), small enough, without lone halves."""
    if len(text) > limits.bytes:
        raise Unreadable(f"more than {limits.bytes:,} bytes are not read")
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Unreadable("half of a surrogate pair", *_place(text, error.start)) from None
        return text.removeprefix("\ufeff")
    mark, coding = next(((m, c) for m, c in _MARKS if text.startswith(m)), (b"", "utf-8"))
    try:
        return text[len(mark) :].decode(coding)
    except UnicodeDecodeError as error:
        before = text[len(mark) :][: error.start].decode(coding, "replace")
        where = _place(before, len(before))
        raise Unreadable(f"the text is not {coding.upper()}; save it as UTF-8", *where) from None


def _place(text: str, index: int) -> Place:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


# --- JSON -------------------------------------------------------------------------------------


_NOTHING: Any = object()
_BEGINS_JSON = re.compile(rb'\s*[{\["]')


def _quick_json(raw: str | bytes, limits: Limits) -> Any:
    """JSON as bytes, read by msgspec: in half the time of the standard library, which has to
    have a text first. `_NOTHING` for whatever it does not take: the other reader says why."""
    if not isinstance(raw, bytes) or len(raw) > limits.bytes or not _BEGINS_JSON.match(raw):
        return _NOTHING
    _check_values(raw.count(b",") + raw.count(b"[") + raw.count(b"{"), limits)
    # A hundred thousand new containers are no garbage, and looking for some takes a fifth more.
    collects = gc.isenabled()
    gc.disable()
    try:
        value = msgspec.json.decode(raw)
        _check_depth(value, limits)
    except (msgspec.MsgspecError, RecursionError):
        return _NOTHING
    finally:
        if collects:
            gc.enable()
    return value


def _load_json(text: str, limits: Limits) -> Any:
    _check_values(text.count(",") + text.count("[") + text.count("{"), limits)
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise _too_deep(limits) from None
    except ValueError as error:  # an integer beyond sys.get_int_max_str_digits()
        raise Unreadable(f"a number is too long to be read: {error}") from None
    _check_depth(value, limits)
    if ("\\ud" in text or "\\uD" in text) and re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Unreadable("a text holds half of a surrogate pair (\\ud800 to \\udfff)") from None
    return value


def _check_values(marks: int, limits: Limits) -> None:
    """Every value but the first follows a mark, so there are hardly more than of them."""
    if marks > limits.values:
        raise Unreadable(f"more than {limits.values:,} values are not read")


def _json_error(error: json.JSONDecodeError) -> Unreadable:
    message = error.msg[:1].lower() + error.msg[1:]
    return Unreadable(f"not JSON: {message}", error.lineno, error.colno)


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Unreadable(f"the number {text[:40]} is too large")
    return number


def _too_deep(limits: Limits, *where: int) -> Unreadable:
    return Unreadable(f"nested deeper than {limits.depth} levels", *where)


def _check_depth(value: Any, limits: Limits) -> None:
    """Level by level, since recursion is what this protects others from."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limits.depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ is dict or inner.__class__ is list
        ]
        if not level:
            return
    raise _too_deep(limits)


# --- YAML: scalars ----------------------------------------------------------------------------

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_NUMBER = re.compile(
    r"(?P<int>[-+]?(?:0|[1-9][0-9]*))"
    r"|0o(?P<oct>[0-7]+)"
    r"|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<odd>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_BASES = {"int": 10, "oct": 8, "hex": 16}
_MAX_DIGITS = 1000  # Python turns at most 4,300 digits into an int, and back into text


def _resolve(text: str) -> Any:
    """A plain scalar as YAML 1.2 core reads it. Raises: ValueError."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if text[0] in _NUMBER_STARTS else None
    if match is None:
        return text
    kind = match.lastgroup or ""
    if kind == "odd":
        raise ValueError(f"{text} is no number in JSON; put it in quotes if it is text")
    if kind == "float":
        number = float(text)
        return text if math.isinf(number) else number
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits; put it in quotes if it is text")
    return int(match[kind], _BASES[kind])


_TAG = "tag:yaml.org,2002:"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


def _tagged(text: str, tag: str) -> Any:
    """A scalar with a tag. Raises: ValueError."""
    if tag in ("!", _TAG + "str"):
        return text
    name = tag.removeprefix(_TAG)
    if name not in _TYPES:
        raise ValueError(_NO_TAG)
    value = _resolve(text)
    if type(value) not in _TYPES[name]:
        raise ValueError(f"this is no !!{name}")
    return value


# Messages repeat neither tags nor aliases: a password may begin with ! or *.
_NO_TAG = "a tag that is not known here; text that begins with ! needs quotes"
_NO_ANCHOR = "an alias without an anchor before it; text that begins with * needs quotes"


# --- YAML: the tree ---------------------------------------------------------------------------


class _Parser(Protocol):
    def get_event(self) -> Event | None: ...


class _List:
    """The key of a list: always there, never used."""


class _Merge:
    """The key `<<`."""


_Key = str | type[_List] | type[_Merge] | None  # None: the mapping waits for a key


@dataclass(slots=True)
class _Anchor:
    """What an anchor stands for; `closed` is False while it is still being read."""

    value: Any
    start: int
    repeated: int
    closed: bool = False
    height: int = 0  # levels of containers


# A container that waits while an inner one is read, and what of it is known: the container, its
# key, where that stands, its height, its anchor.
_Frame = tuple[Any, _Key, Place, int, _Anchor | None]


class _Builder:
    """Events → values, without recursion. The innermost open container is `container`."""

    def __init__(self, parser: _Parser, limits: Limits, marks: Marks | None) -> None:
        self.parser = parser
        self.limits = limits
        self.marks = marks
        self.container: Any = []  # holds the document
        self.key: _Key = _List
        self.key_at: Place = (1, 1)
        self.height = 0
        self.anchor: _Anchor | None = None
        self.stack: list[_Frame] = []  # the open containers outside of the innermost
        self.anchors: dict[str, _Anchor] = {}
        self.repeated = 0
        self.merges: dict[int, list[dict[str, Any]]] = {}  # by the identity of an open mapping
        self.known: dict[str, Any] = {}  # plain scalars seen: each is resolved and kept once
        self.keys: dict[str, str] = {}  # keys seen: each is kept once

    def run(self) -> Any:
        """Read the one document. The loop is the hot path: what is plain is read right here."""
        known, keys, marks, stack = self.known, self.keys, self.marks, self.stack
        depth, merges = self.limits.depth, self.merges
        events: Iterator[Any] = iter(self.parser.get_event, None)
        for event in islice(events, self.limits.values):
            kind = event.__class__
            if kind is ScalarEvent and event.tag is None and event.anchor is None:
                value = event.value
                key = self.key
                if key is None:
                    if marks is not None or value in self.container or value == "<<":
                        self._take_key(event)
                    else:
                        self.key = keys.setdefault(value, value)
                    continue
                if event.implicit[0]:
                    try:
                        value = known[value]
                    except KeyError:
                        value = self._first_seen(event)
                if marks is not None or key is _Merge:
                    self._put(value, event)
                elif key is _List:
                    self.container.append(value)
                else:
                    self.container[key] = value
                    self.key = None
            elif (
                (kind is MappingStartEvent or kind is SequenceStartEvent)
                and marks is None
                and event.tag is None
                and event.anchor is None
                and self.key is not None
                and self.key is not _Merge
                and len(stack) < depth
            ):
                container, key = self.container, self.key
                inner: Any = {} if kind is MappingStartEvent else []
                if key is _List:
                    container.append(inner)
                else:
                    container[key] = inner
                    key = None
                stack.append((container, key, self.key_at, self.height, self.anchor))
                self.container, self.height, self.anchor = inner, 0, None
                self.key = None if kind is MappingStartEvent else _List
            elif (
                (kind is MappingEndEvent or kind is SequenceEndEvent)
                and self.anchor is None
                and not merges
            ):
                height = self.height + 1
                self.container, self.key, self.key_at, above, self.anchor = stack.pop()
                self.height = max(above, height)
            elif self._other(event):
                return self.container[0] if self.container else None
        raise Unreadable(f"more than {self.limits.values:,} values are not read")

    def _other(self, event: Event) -> bool:
        """Everything but a bare scalar; True at the end."""
        match event:
            case ScalarEvent() if self.key is None:
                self._take_key(event)
            case ScalarEvent():
                value = self._scalar(event)
                self._put(value, event)
                if event.anchor:
                    start, end = _span(event)
                    self.anchors[event.anchor] = _Anchor(value, start, end - start, closed=True)
            case MappingStartEvent() | SequenceStartEvent():
                self._open(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._close(event)
            case AliasEvent():
                self._alias(event)
            case DocumentStartEvent() if self.container:
                raise _at("only one YAML document is read; a second one begins here", event)
            case StreamEndEvent():
                return True
        return False

    def _take_key(self, event: ScalarEvent) -> None:
        text = event.value
        if event.tag is not None or event.anchor is not None:
            self._scalar(event)  # a tag must be known; the key is the text all the same
            if event.anchor:
                raise _at("an anchor (&) at a key is not read", event)
        container = self.container
        if text in container or (text == "<<" and id(container) in self.merges):
            raise _at(f"the key {_shown(text)} is given twice in one mapping", event)
        if self.marks is not None:
            self.key_at = _start(event)
        if text == "<<" and event.implicit[0]:
            self.merges[id(container)] = []
            self.key = _Merge
        else:
            self.key = self.keys.setdefault(text, text)

    def _first_seen(self, event: ScalarEvent) -> Any:
        try:
            value = self.known[event.value] = _resolve(event.value)
        except ValueError as error:
            raise _at(str(error), event) from None
        return value

    def _scalar(self, event: ScalarEvent) -> Any:
        if event.tag is None:
            return self._first_seen(event) if event.implicit[0] else event.value
        try:
            return _tagged(event.value, event.tag)
        except ValueError as error:
            raise _at(str(error), event) from None

    def _put(self, value: Any, event: Event) -> None:
        """Give the open container its next value."""
        container, key = self.container, self.key
        if key is _Merge:
            self.merges[id(container)] = self._mergeable(value, event)
            self.key = None
            return
        if self.marks is not None:
            step = key if isinstance(key, str) else len(container)
            at = _start(event)
            self.marks.entries.setdefault(id(container), {})[step] = (
                at if key is _List else self.key_at,
                at,
            )
            if not self.stack:
                self.marks.start = at
        if key is _List:
            container.append(value)
        else:
            container[key] = value
            self.key = None

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if self.key is None:
            raise _at("a key must be text, not a list or a mapping", event)
        if len(self.stack) >= self.limits.depth:
            raise _too_deep(self.limits, *_start(event))
        kind = "map" if isinstance(event, MappingStartEvent) else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            raise _at(_NO_TAG, event)
        value: Any = {} if kind == "map" else []
        if self.key is not _Merge:  # a merge needs the whole value: it is put at its end
            self._put(value, event)
            waits: _Key = self.key
        else:
            waits = _Merge
        self.stack.append((self.container, waits, self.key_at, self.height, self.anchor))
        self.anchor = None
        if event.anchor:
            self.anchor = _Anchor(value, _span(event)[0], self.repeated)
            self.anchors[event.anchor] = self.anchor
        self.container, self.key, self.height = value, None if kind == "map" else _List, 0

    def _close(self, event: Event) -> None:
        value, height = self.container, self.height + 1
        for source in self.merges.pop(id(value), ()):
            self._merge(value, source)
        if self.anchor is not None:
            anchor = self.anchor
            within = self.repeated - anchor.repeated
            anchor.repeated = _span(event)[1] - anchor.start + within
            anchor.height, anchor.closed = height, True
        self.container, self.key, self.key_at, above, self.anchor = self.stack.pop()
        self.height = max(above, height)
        if self.key is _Merge:
            self._put(value, event)

    def _alias(self, event: AliasEvent) -> None:
        anchor = self.anchors.get(event.anchor or "")
        if anchor is None:
            raise _at(_NO_ANCHOR, event)
        if not anchor.closed:
            raise _at("an alias that stands inside its own anchor", event)
        if self.key is None:
            raise _at("an alias cannot be a key", event)
        self.repeated += anchor.repeated + 1
        if self.repeated > self.limits.repeated:
            raise _at(f"aliases stand for more than {self.limits.repeated:,} characters", event)
        if len(self.stack) + anchor.height > self.limits.depth:
            raise _too_deep(self.limits, *_start(event))
        self.height = max(self.height, anchor.height)
        self._put(anchor.value, event)

    def _mergeable(self, value: Any, event: Event) -> list[dict[str, Any]]:
        """What `<<` holds, the strongest first."""
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise _at("`<<` takes a mapping or a list of mappings", event)
        return sources

    def _merge(self, target: dict[str, Any], source: dict[str, Any]) -> None:
        """Add what `target` lacks."""
        if self.marks is not None:
            theirs = self.marks.entries.get(id(source), {})
            ours = self.marks.entries.setdefault(id(target), {})
            ours.update((key, theirs[key]) for key in source if key not in target)
        for key, value in source.items():
            target.setdefault(key, value)


def _start(event: Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _span(event: Event) -> tuple[int, int]:
    """The first character and the one after the last."""
    start, end = event.start_mark, event.end_mark
    return (start.index, end.index) if start and end else (0, 0)


def _at(message: str, event: Event) -> Unreadable:
    return Unreadable(message, *_start(event))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


# --- YAML: libyaml, and its words -------------------------------------------------------------

# libyaml compares every %TAG with all before it; nobody here may use a tag of his own anyway.
_MAX_TAG_DIRECTIVES = 100


class _PurePython(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """The same events where PyYAML came without libyaml, thirty times as slow."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def _parser(text: str) -> _Parser:
    if yaml.__with_libyaml__:
        return yaml._yaml.CParser(text.encode())  # noqa: SLF001 - its only name without a loader
    return _PurePython(text)


def _load(text: str, limits: Limits, marks: Marks | None) -> Any:
    if text.count("%TAG") > _MAX_TAG_DIRECTIVES:
        raise Unreadable(f"more than {_MAX_TAG_DIRECTIVES} %TAG directives are not read")
    try:
        return _Builder(_parser(text), limits, marks).run()
    except yaml.MarkedYAMLError as error:
        raise _explain(error, text) from None
    except yaml.reader.ReaderError:
        index = next((i for i, char in enumerate(text) if not _is_printable(char)), 0)
        what = f"the character U+{ord(text[index]):04X}" if text else "this"
        raise Unreadable(f"{what} is not allowed in YAML", *_place(text, index)) from None
    except (ValueError, OverflowError) as error:  # the pure parser's, for escapes beyond Unicode
        raise Unreadable(f"not YAML: {error}") from None


def _is_printable(char: str) -> bool:
    """YAML 1.2.2 §5.1."""
    return char in "\t\n\r\x85" or not (
        char < " " or "\x7f" <= char < "\xa0" or char in "\ufffe\uffff\ufeff"
    )


_QUOTE = "inside [ ] and { }, text that holds any of { } [ ] , * needs quotes, or a block list"
_INDENT = "is the line indented like those above it?"
_PLAIN = "text that holds ': ' needs quotes, and a nested key its own line"
_BACKSLASH = r"in single quotes a backslash is just that: 'C:\specs'"
# What libyaml says, and what to do about it.
_ADVICE = (
    ("while parsing a flow", "expected ',' or", _QUOTE),
    ("while parsing a flow", "", _QUOTE),
    ("while scanning an alias", "", "text that begins with * needs quotes"),
    ("while scanning an anchor", "", "text that begins with & needs quotes"),
    ("", "mapping values are not allowed", _PLAIN),
    ("while parsing a block", "did not find expected key", _INDENT),
    ("while parsing a block", "did not find expected '-'", _INDENT),
    ("while scanning a simple key", "", "a line here has no ': ' after its key"),
    ("while scanning a quoted", "end of stream", "a quote is not closed"),
    ("", "unknown escape", _BACKSLASH),
    ("", "did not find expected hexdecimal", _BACKSLASH),
    ("", "<document start>", "something stands behind the end of the document"),
)  # fmt: skip


def _explain(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "not YAML"
    lines = text.splitlines()
    char = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    if char == "\t" or "tab character" in problem:
        return Unreadable("a tab; YAML is indented with spaces only", line, column)
    if "cannot start any token" in problem and char:
        return Unreadable(f"text that begins with {char} needs quotes", line, column)
    context = error.context or ""
    for begins, holds, advice in _ADVICE:
        if context.startswith(begins) and holds in problem:
            problem = f"{problem}; {advice}"
            break
    return Unreadable(f"not YAML: {problem}", line, column)
