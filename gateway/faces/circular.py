"""Which components lead back to themselves (Tarjan, "Depth-first search", 1972). Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping


def groups(
    components: Collection[str], refers: Callable[[str], Iterable[str]]
) -> Iterator[list[str]]:
    """Yield components that all lead to one another, those first that others refer to.

    `refers` gives what one refers to. Most stand alone. Nothing is called by itself here,
    however long the way through them is.
    """
    walk = _Walk(components, refers)
    for root in components:
        if root not in walk.number:
            yield from walk.groups_from(root)


def leads_back(name: str, aliases: Mapping[str, str]) -> bool:
    """Whether a name is, by way of others or not, another name of itself."""
    at, steps = aliases.get(name), 0
    while at is not None and at != name and steps <= len(aliases):
        at, steps = aliases.get(at), steps + 1
    return at == name


class _Walk:
    """`number` is when each was met, `low` the first met that it leads back to."""

    def __init__(self, components: Collection[str], refers: Callable[[str], Iterable[str]]) -> None:
        self._components = components
        self._refers = refers
        self.number: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: list[str] = []
        self._is_open: set[str] = set()
        self._way: list[tuple[str, Iterator[str]]] = []

    def groups_from(self, root: str) -> Iterator[list[str]]:
        """Yield the groups that are reached from a component, its own last."""
        self._enter(root)
        low = self._low
        while self._way:
            name, targets = self._way[-1]
            target = next(targets, None)
            if target is None:
                self._way.pop()
                if self._way:
                    before = self._way[-1][0]
                    low[before] = min(low[before], low[name])
                if low[name] == self.number[name]:
                    yield self._closed(name)
            elif target in self._components and target not in self.number:
                self._enter(target)
            elif target in self._is_open:
                low[name] = min(low[name], self.number[target])

    def _enter(self, name: str) -> None:
        self.number[name] = self._low[name] = len(self.number)
        self._open.append(name)
        self._is_open.add(name)
        self._way.append((name, iter(self._refers(name))))

    def _closed(self, name: str) -> list[str]:
        group: list[str] = []
        while name in self._is_open:
            group.append(self._open.pop())
            self._is_open.discard(group[-1])
        return group[::-1]
