"""Which operations of a spec a plugin serves, under which names. Pure.

An entry names an operation by operationId (as written, or cleaned), by `METHOD /path`, or
several by a glob over the path: `*` is one segment, `**` any number. Names are the same on
every face: `^[A-Za-z_][A-Za-z0-9_]{0,63}$`, the narrowest of what the model platforms take.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.config import Loaded, suggest, types
from gateway.errors import Mistake
from gateway.listing import Listed

NAME_LENGTH = 64
_SUFFIX = 6  # hex digits; 2^24 names before two of one collision group are likely to meet
_ENTRY = re.compile(r"([A-Za-z]+)\s+(/.*)", re.DOTALL)
# Operations of one plugin: three times what the largest public APIs but one have, and a hundred
# times what a model can tell apart. Each costs some 10 KB and a share of the served document.
MOST = 5_000
NOTHING = types.Operation()

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """One operation to serve: its name, where it stands in the spec, what the YAML says of it.

    `path` leads to its place in the YAML, for messages.
    """

    name: str
    listed: Listed
    config: types.Operation
    path: Path


def choose(loaded: Loaded, listed: Sequence[Listed]) -> tuple[tuple[Chosen, ...], list[Mistake]]:
    """Match the entries of `operations` against the operations of the spec.

    Returns:
        The chosen ones, in the order of the YAML, and the mistakes: entries that match
        nothing, operations named twice, names for what a glob matches.
    """
    wanted = loaded.plugin.operations
    if wanted == "all":
        if len(listed) > MOST:
            return (), [_too_many(loaded, len(listed))]
        picked = [_Pick(None, one, NOTHING, ("operations",)) for one in listed]
        return _named(picked), []
    index = _Index(listed)
    entries: list[tuple[str, str, types.Operation, Path]]
    if isinstance(wanted, dict):
        entries = [
            (key, (value or NOTHING).call or key, value or NOTHING, ("operations", key))
            for key, value in wanted.items()
        ]
    else:
        entries = [(entry, entry, NOTHING, ("operations", i)) for i, entry in enumerate(wanted)]
    picks: dict[tuple[str, str], _Pick] = {}
    globs: list[_Pick] = []
    mistakes: list[Mistake] = []
    for key, call, config, path in entries:
        found = index.find(call)
        where = (*path, "call") if config.call else path
        if not found:
            mistakes.append(loaded.mistake(where, index.nothing(call)))
        elif _is_glob(call) and not index.exact(call):
            if call != key:
                text = f"a glob stands as the key itself, since {key!r} can name one operation only"
                mistakes.append(loaded.mistake(where, f"{text}; write {call!r}: {{…}}"))
                continue
            globs += [_Pick(None, one, config, path) for one in found]
        elif len(found) > 1:
            options = ", ".join(f"'{one.method} {one.path}'" for one in found[:5])
            text = f"{len(found)} operations have the id {call!r}; write one of {options}"
            mistakes.append(loaded.mistake(where, text))
        else:
            one = found[0]
            if (one.method, one.path) in picks:
                text = f"{one.method} {one.path} is already served by another entry"
                mistakes.append(loaded.mistake(where, text))
                continue
            name = key if isinstance(wanted, dict) and not _ENTRY.fullmatch(key) else None
            picks[one.method, one.path] = _Pick(name, one, config, path)
    for pick in globs:
        picks.setdefault((pick.listed.method, pick.listed.path), pick)
    if len(picks) > MOST:
        return (), [*mistakes, _too_many(loaded, len(picks))]
    return _named(list(picks.values())), mistakes


def _too_many(loaded: Loaded, number: int) -> Mistake:
    text = f"{number:,} operations are chosen, and a plugin serves at most {MOST:,}: name fewer"
    return loaded.mistake(("operations",), text)


def named_paths(loaded: Loaded) -> frozenset[str] | None:
    """The paths that the entries name; None where some may stand at any other."""
    wanted = loaded.plugin.operations
    if wanted == "all":
        return None
    entries = wanted
    if isinstance(wanted, dict):
        entries = [(value or NOTHING).call or key for key, value in wanted.items()]
    matches = [None if _is_glob(entry) else _ENTRY.fullmatch(entry) for entry in entries]
    paths = frozenset(match[2] for match in matches if match)
    return paths if None not in matches else None


def clean(name: str) -> str:
    """`name` as the model platforms take it; not yet shortened."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "operation"
    return name if not name[0].isdigit() else "_" + name


def shared_name(plugin: str, operation: str, longest: int | None = None) -> str:
    """An operation's name where several plugins share an address: the plugin's stands before it.

    Names of plugins have no `_`, so no two are alike.
    """
    return short_name(f"{plugin}_{operation}", longest or NAME_LENGTH)


def short_name(name: str, longest: int = NAME_LENGTH) -> str:
    """A name that is no longer than so many characters, and like no other one."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: longest - _SUFFIX - 1]}_{digest[:_SUFFIX]}"


@dataclass(frozen=True, slots=True)
class _Pick:
    key: str | None  # the YAML's name, if it gives one
    listed: Listed
    config: types.Operation
    path: Path

    @property
    def raw(self) -> str:
        return self.key or self.listed.operation_id or f"{self.listed.method} {self.listed.path}"

    @property
    def clean(self) -> str:
        if self.key or self.listed.operation_id:
            return clean(self.raw)
        return clean(f"{self.listed.method.lower()} {self.listed.path}")


def _named(picks: Sequence[_Pick]) -> tuple[Chosen, ...]:
    """Give each its name. Where two would share one, those that the YAML does not name itself
    take a suffix, all of them: so a name does not depend on the order of the spec."""
    counts = Counter(pick.clean.lower() for pick in picks)
    chosen = []
    for pick in picks:
        name = pick.clean
        shared = counts[name.lower()] > 1 and pick.key != name
        if shared or len(name) > NAME_LENGTH:
            place = f"{pick.listed.method} {pick.listed.path}"
            digest = hashlib.sha256((place if shared else pick.raw).encode()).hexdigest()
            name = f"{name[: NAME_LENGTH - _SUFFIX - 1]}_{digest[:_SUFFIX]}"
        chosen.append(Chosen(name, pick.listed, pick.config, pick.path))
    return tuple(chosen)


class _Index:
    """The spec's operations by id and by place."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self.listed = listed
        self.by_id: dict[str, list[Listed]] = defaultdict(list)
        self.by_place = {(one.method, one.path): one for one in listed}
        for one in listed:
            if one.operation_id:
                self.by_id[one.operation_id].append(one)
        for one in listed:  # the cleaned id, where it is not somebody's raw one
            if one.operation_id and clean(one.operation_id) not in self.by_id:
                self.by_id[clean(one.operation_id)].append(one)

    def exact(self, entry: str) -> list[Listed]:
        match = _ENTRY.fullmatch(entry)
        if not match:
            return self.by_id.get(entry, [])
        # As written first: OpenAPI 3.2 knows methods of any case.
        places = (match[1], match[2]), (match[1].upper(), match[2])
        one = next((self.by_place[place] for place in places if place in self.by_place), None)
        return [one] if one else []

    def find(self, entry: str) -> list[Listed]:
        found = self.exact(entry)
        match = _ENTRY.fullmatch(entry)
        if found or not match or not _is_glob(entry):
            return found
        glob = _glob(match[2])
        method = match[1].upper()
        return [one for one in self.listed if one.method == method and glob.fullmatch(one.path)]

    def nothing(self, entry: str) -> str:
        if _is_glob(entry) and not _ENTRY.fullmatch(entry):
            near = f"GET /{entry.partition(' ')[2].strip().lstrip('/') or entry.lstrip('/')}"
            return (
                f"{entry!r}: ids take no `*`; a glob is a method and a path, such as {near!r} "
                "(`*` is one segment or part of one, `**` any number)"
            )
        if not self.listed:
            return "the spec has no operations"
        what = "operations match" if _is_glob(entry) else "operation is"
        return f"no {what} {entry!r} in the spec" + suggest(entry, self._names())

    def _names(self) -> Iterator[str]:
        for one in self.listed:
            yield f"{one.method} {one.path}"
            if one.operation_id:
                yield one.operation_id


def _is_glob(entry: str) -> bool:
    return "*" in entry


def _glob(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression.

    What stands between two `**` is taken where it first occurs, and for good (`(?>…)`): whatever
    is left can still be anything, and a long path costs no more than its length.
    """
    first, *rest = ("[^/]*?".join(map(re.escape, part.split("*"))) for part in pattern.split("**"))
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(first + middle + "".join(f".*{part}" for part in rest[-1:]), re.DOTALL)
