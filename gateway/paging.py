"""`paginate` of one operation, compiled against its spec: what every page asks for and is read by.

The parameters that the step sets itself are withheld from callers like hidden ones, the size is a
pin like any other; so nothing a caller sends can move them. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from msgspec import UNSET

from gateway.config import types
from gateway.config.faults import nearest, suggest
from gateway.shrinking import Shapes
from gateway.shrinking.fields import Level
from gateway.shrinking.pages import Way
from gateway.shrinking.paths import PathError, Step, join, parse
from gateway.values import Schema, SpecOperation

Kind = Literal["cursor", "page", "offset", "link"]
Entry: TypeAlias = Literal["hide"] | types.Parameter
Fault = tuple[tuple[str, ...], str]  # a path inside of `paginate`, and what is wrong there


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages of an operation are found and read.

    `to` are the query parameters that the step sets. `said` is where a page tells the next one's
    cursor or address, `last` where each item does; `more` where it says that there is one. `most`
    is how many items are wanted, with `hard` not even on request more; `served` is where they are
    in an answer that can be cut, None where nobody knows. `held` are the parameters that no link
    may change, `ours` those of the credential.
    """

    kind: Kind
    items: Way
    max_pages: int
    to: tuple[str, ...] = ()
    first: int = 1
    said: Way | None = None
    last: Way | None = None
    rel: str = ""
    more: Way | None = None
    size: int | None = None
    most: int | None = None
    hard: bool = False
    served: Way | None = None
    held: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()

    def describe(self) -> str:
        """The rules in a line, for people."""
        where = f" in {_shown(self.said)}" if self.said is not None else ""
        last = f"{_shown(self.last)} of the last item" if self.last is not None else ""
        by = {
            "cursor": last or f"the cursor{where}",
            "page": f"number from {self.first} on",
            "offset": "offset",
            "link": f"the link{where or f' {self.rel!r}'}",
        }[self.kind]
        sets = f", in {', '.join(self.to)}" if self.to else ""
        size = f", {self.size} items each" if self.size is not None else ""
        return f"at most {self.max_pages} pages of {_shown(self.items)}, by {by}{sets}{size}"


def compile_paging(
    paginate: types.Paginate,
    spec: SpecOperation,
    schema: Schema | None,
    shapes: Shapes,
    ours: frozenset[str] = frozenset(),
) -> tuple[Paging | None, list[Fault]]:
    """Compile the way through an operation's pages.

    Args:
        paginate: What the config says; one of its ways is there.
        spec: The operation, which must be a GET: nothing else may be asked again at will.
        schema: Of the upstream's reply; None where nothing is known of it.
        shapes: What its references point to.
        ours: The query parameters of the credential.

    Returns:
        The paging, None where something is wrong; and the faults.
    """
    faults: list[Fault] = []
    if spec.method != "GET":
        faults.append(((), f"only a GET is followed from page to page, this is a {spec.method}"))
    sets = [(name, at) for name, at, _ in _set(paginate)]
    if isinstance(paginate.size, types.PageSize):
        sets.append((paginate.size.param, ("size", "param")))
    for name, at in sets:
        if name in ours:
            faults.append((at, f"{name!r} is sent by `upstream` already"))
        elif not _is_sent(name, spec):
            names = sorted(_in_query(spec))
            hint = suggest(name, names) or (f"; it takes {', '.join(names[:20])}" if names else "")
            faults.append((at, f"the operation takes no {name!r} in its query{hint}"))
    top = None if schema is None else [schema]

    def way(text: str | None, places: list[Schema] | None, *at: str) -> Way | None:
        if text is None:
            return None
        try:
            steps = _steps(text)
            if places is not None:
                _follow(steps, places, shapes, array=at == ("items",))
        except PathError as error:
            faults.append((at, str(error)))
            return None
        return tuple(str(step.key) for step in steps)

    items = way(paginate.items, top, "items")
    size = paginate.size
    base = Paging(
        "page",
        items or (),
        paginate.max_pages,
        more=way(paginate.more, top, "more"),
        size=size.value if isinstance(size, types.PageSize) else size,
        ours=ours,
    )
    paging: Paging | None = None
    if (cursor := paginate.cursor) is not None:
        said = way(cursor.source, top, "cursor", "from")
        rows = None if top is None or items is None else _items(items, top, shapes)
        last = way(cursor.last, rows, "cursor", "last")
        paging = replace(base, kind="cursor", to=(cursor.to,), said=said, last=last)
    elif (page := paginate.page) is not None:
        page = types.PageNumber(param=page) if isinstance(page, str) else page
        paging = replace(base, to=(page.param,), first=page.first)
    elif paginate.offset is not None:
        paging = replace(base, kind="offset", to=(paginate.offset,), first=0)
    elif (link := paginate.link) is not None:
        link = types.NextLink(rel=link) if isinstance(link, str) else link
        said = way(link.source, top, "link", "from")
        paging = replace(base, kind="link", to=tuple(link.to), said=said, rel=link.rel or "")
    return (None if faults else paging), faults


# --- parameters -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sets:
    """What the step's parameters make of the config's.

    `entries` are all of them, `own` the keys among them that stand here, each with its path inside
    of `paginate`; `replaced` are keys of the whole plugin that are not looked at here.
    """

    entries: Mapping[str, Entry]
    own: Mapping[str, tuple[str, ...]]
    replaced: frozenset[str]
    faults: tuple[Fault, ...]


def set_by(
    paginate: types.Paginate | None,
    spec: SpecOperation,
    entries: Mapping[str, Entry],
    own: Collection[str],
) -> Sets:
    """Withhold the parameters that the step sets.

    Args:
        paginate: What the config says.
        spec: The operation.
        entries: The plugin's and the operation's parameters, merged by name.
        own: Those that stand at the operation: one of them for the same parameter is a mistake.
    """
    ours: dict[str, Entry] = {}
    paths: dict[str, tuple[str, ...]] = {}
    if paginate is not None:
        required = _in_query(spec, required=True)
        for name, at, first in _set(paginate):
            needed = first is not None and name in required
            ours[name], paths[name] = types.Parameter(pin=first) if needed else "hide", at
        if isinstance(paginate.size, types.PageSize):
            name = paginate.size.param
            ours[name], paths[name] = types.Parameter(pin=paginate.size.value), ("size", "value")
    ours = {name: entry for name, entry in ours.items() if _is_sent(name, spec)}
    left: dict[str, Entry] = {}
    replaced: set[str] = set()
    faults: list[Fault] = []
    for key, entry in entries.items():
        name = _upstream_name(key, entry)
        if name not in ours:
            left[key] = entry
            continue
        replaced.add(key)
        if key in own and entry != "hide" and not _only_describes(entry):
            text = f"{name!r} is set for every page; leave it out of `parameters`"
            faults.append((paths[name], text))
    # By its own name, as people know it, unless something else is called so.
    others = {one.name for one in spec.parameters if one.place != "query"} | left.keys()
    keys = {name: f"query.{name}" if name in others else name for name in ours}
    return Sets(
        entries=left | {keys[name]: entry for name, entry in ours.items()},
        own={keys[name]: paths[name] for name in ours},
        replaced=frozenset(replaced),
        faults=tuple(faults),
    )


def _set(paginate: types.Paginate) -> list[tuple[str, tuple[str, ...], int | None]]:
    """The parameters that are set, where the config names them, and the first page's value."""
    if paginate.cursor is not None:
        return [(paginate.cursor.to, ("cursor", "to"), None)]
    if isinstance(paginate.page, types.PageNumber):
        return [(paginate.page.param, ("page", "param"), paginate.page.first)]
    if paginate.page is not None:
        return [(paginate.page, ("page",), 1)]
    if paginate.offset is not None:
        return [(paginate.offset, ("offset",), 0)]
    if isinstance(paginate.link, types.NextLink):
        return [(name, ("link", "to"), None) for name in paginate.link.to]
    return []


def _in_query(spec: SpecOperation, *, required: bool = False) -> set[str]:
    """The names of an operation's query parameters."""
    return {
        one.name
        for one in spec.parameters
        if one.place == "query" and (one.required or not required)
    }


def _is_sent(name: str, spec: SpecOperation) -> bool:
    """Whether a query parameter is called so in a request; `page[number]` may be of an object."""
    return bool({name, name.partition("[")[0]} & _in_query(spec))


def _only_describes(entry: types.Parameter) -> bool:
    """Whether it says what the parameter is, in an operation written in place, and no more."""
    given = (entry.pin, entry.default)
    return entry.place is not None and not entry.values and not entry.header and given == (
        UNSET, UNSET)  # fmt: skip


def _upstream_name(key: str, entry: Entry) -> str:
    """The query parameter that an entry speaks of, if it speaks of one."""
    source = entry.source if isinstance(entry, types.Parameter) else None
    return (source or key).removeprefix("query.")


# --- how much is enough -----------------------------------------------------------------------


def served_at(items: Way, level: Level | None) -> Way | None:
    """Where `fields` brings what stands at `items` in a page.

    Args:
        items: Where they are in a page.
        level: What is taken, and how it is called; None where all is.

    Returns:
        None where they are not taken as one array.
    """
    served: list[str] = []
    while items and level is not None:
        for name, pick in level.picks.items():
            if items[: len(pick.source)] == pick.source:
                served.append(name)
                items, level = items[len(pick.source) :], pick.tree
                break
        else:
            return None
    return (*served, *items)


def limit_of(
    served: Way, limit_items: Mapping[str, int | types.ItemLimit], wrapped: str
) -> types.ItemLimit | None:
    """How many of the items callers get by `limit_items`, whose paths are those of the answer.

    Args:
        served: Where the items are, after `fields`.
        limit_items: As the config has it.
        wrapped: What an array at the top is called in an answer.

    Returns:
        None where nothing limits them.
    """
    names = {served} if served else {(), (wrapped,)}
    for path, limit in limit_items.items():
        try:
            way = tuple(step.key for step in _steps(path))
        except PathError:  # its own mistake, told elsewhere
            continue
        if way in names:
            return types.ItemLimit(max=limit) if isinstance(limit, int) else limit
    return None


# --- paths ------------------------------------------------------------------------------------


def _steps(text: str) -> tuple[Step, ...]:
    """The one way that a text is. Raises: PathError."""
    leaves = parse(text)
    steps = leaves[0].steps
    plain = all(step.key is not None for step in steps)
    if len(leaves) > 1 or leaves[0].alias or not plain or any(s.arrays for s in steps[:-1]):
        raise PathError(f"{text!r}: expected one path such as 'meta.next', of keys alone")
    return steps


def _follow(
    steps: Sequence[Step], places: Sequence[Schema], shapes: Shapes, *, array: bool
) -> list[Schema]:
    """Follow a path through the schema, objects only. Raises: PathError."""
    found = list(places)
    for number, step in enumerate(steps):
        way = steps[: number + 1]
        if not _may_be(found, "object", shapes):
            raise PathError(f"{join(steps[:number])!r} is no object in the response, so has no "
                            f"{step.key!r}")  # fmt: skip
        below = [one for place in found for one in shapes.below(place, step.key)]
        if not below:
            names = list(dict.fromkeys(name for place in found for name in shapes.names(place)))
            near = nearest(str(step.key), names)
            hint = f"; did you mean {join((*steps[:number], Step(near)))!r}?" if near else ""
            hint = hint or (f"; there: {', '.join(names[:12])}" if names else "")
            raise PathError(f"{join(way)!r} is not in the response{hint}")
        found = below
    if array and not _may_be(found, "array", shapes):
        raise PathError(f"{join(steps)!r} is no array in the response")
    return found


def _items(items: Way, top: list[Schema], shapes: Shapes) -> list[Schema]:
    """What the items may be."""
    places = _follow([Step(key) for key in items], top, shapes, array=True)
    return [one for place in places for one in shapes.items(place)]


def _may_be(places: Sequence[Schema], kind: str, shapes: Shapes) -> bool:
    kinds = [shapes.kinds(place) for place in places]
    return any(one is None or kind in one for one in kinds)


def _shown(way: Way | None) -> str:
    return join([Step(key) for key in way or ()])
