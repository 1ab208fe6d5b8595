"""What a reference names, in the document it stands in or in another file of the spec. Pure.

A spec may be spread over files. `Parts` holds those that were read; whatever is asked of one
that was not is noted in `References.wanted`, so that whoever may touch files reads it and asks
again: only what is reached is ever read.

An address is a URL, or a path below the folder that a spec file may use (`petstore/models.yaml`).
A place is an address and the steps from that file's top; two references to one place are equal,
however they are written and whatever other references they pass through.

The knowledge that lives only here: how a reference is read (RFC 3986 §5, RFC 6901 §6,
OpenAPI 3.1 §4.6 and §4.8.23, `$self` of OpenAPI 3.2 §4.1.2, `$id` and `$anchor` of JSON Schema
2020-12 §8.2), and which addresses a spec may name at all.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from gateway.addresses import address_of
from gateway.errors import shown

Pointer = tuple[str, ...]
HOPS = 32  # references that one pointer passes through; the most seen is 3
# In 3.0 and in Swagger 2 these are how null is said.
NULLABLE = ("nullable", "x-nullable")
_WEB = ("http://", "https://")
_DEFINITIONS = ("#/$defs/", "#/definitions/")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Place(NamedTuple):
    """Where something stands: the file's address and the steps from its top."""

    address: str
    pointer: Pointer


class Found(NamedTuple):
    """What a reference leads to in the end."""

    place: Place
    node: Any


class Followed(NamedTuple):
    """A mapping, its own `$ref` followed. What stands beside the `$ref` is of another file."""

    items: Mapping[str, Any]
    target: str  # the address of the file that the `$ref` leads to
    base: str  # of the file that the mapping itself stands in
    beside: frozenset[str] = frozenset()

    def base_of(self, key: str) -> str:
        """The address that references below a key are relative to."""
        return self.base if key in self.beside else self.target


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that was asked for and cannot be had; `why` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of a spec beside its main one, as far as they were read.

    `home` is the address of the main file; `held` is what the others hold, by address: a
    mapping, a list, a text, or `Unread`. `bases` says of those that a redirect gave where they
    were in the end: what they name is relative to that (RFC 3986 §5.1.3).
    """

    home: str
    held: Mapping[str, Any] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)


# What is wanted next, once more files were read.
Ahead = Callable[[Parts], tuple[str, ...]]


class WantedError(Exception):
    """Nothing can be said before these files are read.

    `ahead` tells what the files that were read want in turn, without doing the whole work again:
    a chain of files costs one step each.
    """

    def __init__(self, addresses: tuple[str, ...], ahead: Ahead) -> None:
        super().__init__(f"{len(addresses)} files are to be read first")
        self.addresses = addresses
        self.ahead = ahead


class References:
    """Finds what a reference names. Each is looked up once, however long the chain it is in."""

    def __init__(self, doc: Mapping[str, Any], parts: Parts | None = None) -> None:
        self.doc = doc
        self.parts = parts
        self.home = parts.home if parts else ""
        # Files that must be read before everything is known, in the order they were met.
        self.wanted: dict[str, None] = {}
        # How often something was asked that only those can tell.
        self.missed = 0
        # Tells what is wanted next; whoever knows more than what was asked sets its own.
        self.ahead: Ahead = self._ahead
        # In 3.0 and before, whatever stands beside a `$ref` is ignored; in 3.1 it counts too,
        # but only in schemas.
        self.siblings = str(doc.get("openapi", "")).startswith("3.") and not str(
            doc.get("openapi")
        ).startswith("3.0")
        self._self = _self_of(doc, self.home)
        self._found: dict[tuple[str, str, bool], Found | str] = {}
        self._missing: dict[tuple[str, str, bool], str] = {}  # as `_found`, of what is wanted
        self._named: dict[str, dict[str, Pointer]] = {}

    def learned(self, parts: Parts) -> References:
        """The same references, more files read; what was found before is not looked for again.

        What misses a file still is asked for in the new `wanted`.
        """
        new = References(self.doc, parts)
        new._found = self._found
        new._named = self._named
        for base, ref, schema in self._missing:
            new.find(ref, base, schema=schema)
        return new

    def find(self, ref: str, base: str | None = None, *, schema: bool = False) -> Found | str:
        """Where `ref` leads in the end and what stands there, or a text why it leads nowhere.

        `base` is the address of the file it stands in: by default the main one.
        """
        chain: dict[tuple[str, str], None] = {}
        link = (self.home if base is None else base, ref)
        missed = self.missed
        known: Found | str | None
        while True:
            known = self._found.get((*link, schema))
            if known is not None:
                break
            known = self._missing.get((*link, schema))
            if known is not None:
                self.missed += 1
                break
            if link in chain:
                known = f"the reference {shown(link[1])} leads to itself"
                break
            chain[link] = None
            known = self._look(*link)
            if isinstance(known, str) or not self.is_alias(known.node, schema=schema):
                break
            inner = self.scoped(known.node["$ref"], self.scope_of(known.place), known.place.address)
            link = (known.place.address, inner)
        for address, text in chain:
            if self.missed == missed:
                self._found[address, text, schema] = known
            elif isinstance(known, str):
                self._missing[address, text, schema] = known
        return known

    def is_alias(self, node: Any, *, schema: bool) -> bool:
        """Whether a node is nothing but a reference to another one."""
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return False
        said = self.siblings or any(node.get(key) is True for key in NULLABLE)
        return len(node) == 1 or not (schema and said)

    def followed(self, raw: Any, base: str | None = None) -> Followed:
        """A mapping with its own `$ref` followed; empty where it leads nowhere."""
        base = self.home if base is None else base
        if not isinstance(raw, dict):
            return Followed({}, base, base)
        if not isinstance(raw.get("$ref"), str):
            return Followed(raw, base, base)
        found = self.find(raw["$ref"], base)
        beside = {key: value for key, value in raw.items() if key != "$ref"}
        if isinstance(found, str):
            return Followed(beside, base, base)
        target = found.node if isinstance(found.node, dict) else {}
        return Followed({**target, **beside}, found.place.address, base, frozenset(beside))

    def is_unread(self, ref: str, base: str) -> bool:
        """Whether a reference leads to a file that nobody asked for yet."""
        if self.parts is None or isinstance(found := self._address(ref, base), ValueError):
            return False
        return found != self.home and found not in self.parts.held

    def check(self) -> None:
        """Raises: WantedError, where something was asked of a file that is not read."""
        if self.wanted:
            raise WantedError(tuple(self.wanted), self.ahead)

    def _ahead(self, parts: Parts) -> tuple[str, ...]:
        new = self.learned(parts)
        self._missing = new._missing  # noqa: SLF001 - our own
        return tuple(new.wanted)

    # --- schemas with a name of their own -----------------------------------------------------

    def scope_of(self, place: Place) -> Place:
        """The nearest schema around a place that has its own `$id`; else the top of the file."""
        scope = Place(place.address, ())
        if not self.siblings:  # not of 3.1 or later
            return scope
        node = self._held(place.address)
        for number, step in enumerate(place.pointer):
            node = node[int(step)] if isinstance(node, list) else node[step]
            if _has_id(node):
                scope = Place(place.address, place.pointer[: number + 1])
        return scope

    def entered(self, node: Any, base: str) -> Place | None:
        """The scope that begins with a schema; None where it has no `$id`."""
        if not self.siblings or not _has_id(node):
            return None
        pointer = self._names_in(base).get(node["$id"].removesuffix("#"))
        found = None if pointer is None else self._walk(base, self._held(base), pointer, "", 0)
        return found.place if isinstance(found, Found) and found.node is node else None

    def scoped(self, ref: str, scope: Place, base: str) -> str:
        """A reference as seen from the top of its file.

        A pointer is relative to the schema that gives itself an `$id` (JSON Schema 2020-12
        §8.2.1). Many writers mean the whole document all the same, so that goes for what is
        there, below the two words that hold a schema's own definitions.
        """
        if scope.address != base or not scope.pointer or not ref.startswith(_DEFINITIONS):
            return ref
        steps = (*scope.pointer, *_steps(unquote(ref[1:])))
        if not isinstance(self._walk(base, self._held(base), steps, ref, 0), Found):
            return ref
        return "#" + "".join("/" + _escaped(step) for step in steps)

    # --- one step -----------------------------------------------------------------------------

    def _look(self, base: str, ref: str) -> Found | str:
        if ref.startswith("#"):
            address: str | ValueError = base
        elif self.parts is None:
            return f"the reference {shown(ref)} leads to another document, which is not read"
        else:
            named = self._by_id(base, ref)
            if named is not None:
                return named
            address = self._address(ref, base)
        if isinstance(address, ValueError):
            return f"the reference {shown(ref)} {address}"
        return self._at(address, ref, HOPS)

    def _at(self, address: str, ref: str, hops: int, rest: Pointer = ()) -> Found | str:
        """What stands at a reference's fragment in the file at `address`, and `rest` below it."""
        held = self._held(address)
        if isinstance(held, Unread):
            return f"the reference {shown(ref)} cannot be followed: {held.why}"
        fragment = unquote(ref.partition("#")[2])
        if not fragment or fragment.startswith("/"):
            steps: Pointer | None = _steps(fragment)
        else:
            steps = self._names_in(address).get("#" + fragment)
        if steps is None:
            return f"the reference {shown(ref)} is no path in the document"
        return self._walk(address, held, (*steps, *rest), ref, hops)

    def _walk(self, address: str, node: Any, steps: Pointer, ref: str, hops: int) -> Found | str:
        for number, step in enumerate(steps):
            if isinstance(node, dict) and step in node:
                node = node[step]
            elif (
                isinstance(node, list)
                and step.isdecimal()
                and len(step) < 10
                and int(step) < len(node)
            ):
                node = node[int(step)]
            elif isinstance(node, dict) and isinstance(node.get("$ref"), str) and hops:
                # What the pointer passes through stands elsewhere itself.
                return self._through(address, node["$ref"], steps[number:], hops - 1)
            else:
                return f"the reference {shown(ref)} leads nowhere"
        return Found(Place(address, steps), node)

    def _through(self, base: str, ref: str, rest: Pointer, hops: int) -> Found | str:
        address: str | ValueError = base if ref.startswith("#") else self._address(ref, base)
        if isinstance(address, ValueError):
            return f"the reference {shown(ref)} {address}"
        return self._at(address, ref, hops, rest)

    def _address(self, ref: str, base: str) -> str | ValueError:
        try:
            if self._self and ref.partition("#")[0]:
                return self._by_self(ref, base)
            return address_of(self.parts.bases.get(base, base) if self.parts else base, ref)
        except ValueError as error:
            return error

    def _by_self(self, ref: str, base: str) -> str:
        """An address where the main file says its own: what lies beside that lies beside it."""
        written = ref.partition("#")[0]
        own, target = urlsplit(self._self), urlsplit(urljoin(self._self, written))
        same = (own.scheme, own.netloc) == (target.scheme, target.netloc)
        if base != self.home and not _SCHEME.match(written):
            return address_of(self.parts.bases.get(base, base) if self.parts else base, ref)
        if not same:
            return address_of(base, urljoin(self._self, written))
        if (own.path, own.query) == (target.path, target.query):
            return self.home
        start = posixpath.dirname(own.path) or "/"
        beside = posixpath.relpath(target.path or "/", start)
        return address_of(self.home, beside + (f"?{target.query}" if target.query else ""))

    def _held(self, address: str) -> Any:
        if address == self.home:
            return self.doc
        held = self.parts.held if self.parts else {}
        if address not in held:
            self.wanted[address] = None
            self.missed += 1
            return Unread(f"{shown(address)} is not read yet")
        return held[address]

    # --- names given inside of a document -----------------------------------------------------

    def _by_id(self, base: str, ref: str) -> Found | str | None:
        """What a reference names by its `$id`; None where no schema here has it."""
        written = ref.partition("#")[0]
        steps = self._names_in(base).get(written)
        if steps is None:
            return None
        fragment = unquote(ref.partition("#")[2])
        below = _steps(fragment)
        if fragment and not fragment.startswith("/"):
            return None
        return self._walk(base, self._held(base), (*steps, *below), ref, HOPS)

    def _names_in(self, address: str) -> dict[str, Pointer]:
        """The places in a file by `$id`, and by `#` and `$anchor`; of equal ones the first."""
        known = self._named.get(address)
        if known is None:
            held = self._held(address)
            known = self._named[address] = {}
            for pointer, node in _mappings(held):
                for key, mark in (("$id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#")):
                    if isinstance(node.get(key), str):
                        known.setdefault(mark + node[key].removesuffix("#"), pointer)
        return known


def _has_id(node: Any) -> bool:
    """Whether a schema is a resource of its own; `#name` is how drafts before said an anchor."""
    said = node.get("$id") if isinstance(node, dict) else None
    return isinstance(said, str) and not said.startswith("#")


def _steps(pointer: str) -> Pointer:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _self_of(doc: Mapping[str, Any], home: str) -> str:
    """The document's own address (`$self`), absolute; "" where it says none worth having."""
    said = doc.get("$self")
    if not isinstance(said, str):
        return ""
    base = home if home.lower().startswith(_WEB) else "file:///" + home
    try:
        url = urljoin(base, said.partition("#")[0])
        return url if urlsplit(url).path else ""
    except ValueError:
        return ""


def _mappings(top: Any) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """Every mapping of a document that may be a schema, level by level: what is data is not."""
    level: list[tuple[Pointer, Any]] = [((), top)]
    while level:
        inner: list[tuple[Pointer, Any]] = []
        for pointer, node in level:
            if isinstance(node, dict):
                yield pointer, node
                inner += [
                    ((*pointer, key), value)
                    for key, value in node.items()
                    if isinstance(value, dict | list) and key not in _DATA
                ]
            else:
                inner += [
                    ((*pointer, str(number)), value)
                    for number, value in enumerate(node if isinstance(node, list) else ())
                    if isinstance(value, dict | list)
                ]
        level = inner


_DATA = frozenset({"example", "examples", "default", "enum", "const"})
