"""Fields that upstreams stop to send: a path of `fields` that real answers have no more.

Nobody else would tell: an absent value is left out, and the model makes do without. A path
counts as missing where the object that should hold it was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.shrinking.batches import parts
from gateway.shrinking.exact import Tree, decode
from gateway.shrinking.fields import Level
from gateway.shrinking.paths import shown
from gateway.shrinking.shrinker import utf_8
from gateway.shrinking.typed import Projection

ENOUGH = 10  # answers in a row without a field, until somebody is told
_EVERY = 50  # of later answers one is looked at


class Watch:
    """Looks at some of an operation's answers, and remembers which fields they had."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self._seen = 0
        self._misses: dict[str, int] = {}
        self.missing: set[str] = set()

    def look(self, body: bytes) -> list[str]:
        """The fields that have just been found to be missing; their paths.

        Args:
            body: An upstream's JSON that could be projected.
        """
        return self.note(seen(self.projection, body)) if self.is_due() else []

    def is_due(self) -> bool:
        """Count an answer. Whether this is one to look at."""
        self._seen += 1
        return self._seen <= 2 * ENOUGH or not self._seen % _EVERY

    def note(self, had: Mapping[str, bool]) -> list[str]:
        """Take in what was `seen`; give what `look` gives."""
        for path, there in had.items():
            self._misses[path] = 0 if there else self._misses.get(path, 0) + 1
        gone = {path for path, misses in self._misses.items() if misses >= ENOUGH}
        new = sorted(gone - self.missing)
        self.missing = gone
        return new


def seen(projection: Projection, body: bytes, charset: str = "") -> dict[str, bool]:
    """The paths of a projection, and whether an answer has them; `charset` is what its
    Content-Type names.

    Raises: ValueError, if it cannot be read.
    """
    had: dict[str, bool] = {}
    for part in parts(bytes(utf_8(body, charset))):
        for path, there in _fields(projection.level, decode(projection(part)), ""):
            had[path] = had.get(path, False) or there
    return had


def _fields(level: Level, tree: Tree, way: str) -> Iterator[tuple[str, bool]]:
    """The paths of what a level takes, and whether one object of the tree had it."""
    if isinstance(tree, list):
        for item in tree:
            yield from _fields(level, item, way)
    if not isinstance(tree, dict):
        return
    if level.every is not None:
        for item in tree.values() if level.every.tree else ():
            yield from _fields(level.every.tree or Level(), item, f"{way}*.")
        return
    for name, pick in level.picks.items():
        path = way + shown(name)
        yield path, name in tree
        if pick.tree is not None and name in tree:
            yield from _fields(pick.tree, tree[name], path + ".")
