"""The component schemas that the served operations share, and how each side is rewritten."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.faces.schemas import Memo, Names, Rewriter, reached
from gateway.faces.texts import Words
from gateway.plugin import Operation, Plugin
from gateway.values import Schema


class Components:
    """What all operations of one plugin refer to.

    `answers` rewrites the answer of each operation, by its name; `inputs` rewrites arguments.
    `upstream` are the upstream's own components, unchanged; `words` are what may be shortened.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.upstream: Mapping[str, Schema] = plugin.components
        self.answers: dict[str, Rewriter] = {}
        self.words = Words(plugin.config)
        self._worlds: list[tuple[dict[str, Schema], Rewriter]] = []
        names = Names()
        direct: Memo = {}
        for operation in plugin.operations.values():
            self.answers[operation.name] = self._answer(operation, names, direct)
        wanted = [arg.schema for one in plugin.operations.values() for arg in one.arguments]
        inputs = reached(wanted, plugin.components, direct)
        self.inputs = Rewriter(names.give(inputs, "Input"), "readOnly", self.words)
        self._worlds.append((inputs, self.inputs))

    def _answer(self, operation: Operation, names: Names, direct: Memo) -> Rewriter:
        """Find the rewriter of an answer: a shared one, wherever its components are the same."""
        shrinker = operation.shrinker
        needed = reached([shrinker.schema], shrinker.components, direct)
        fitting = (
            world
            for world in self._worlds
            if all(world[0].get(name, schema) == schema for name, schema in needed.items())
        )
        world = next(fitting, None)
        if world is None:
            world = {}, Rewriter({}, "writeOnly", self.words)
            self._worlds.append(world)
        known, rewriter = world
        rewriter.names.update(names.give(name for name in needed if name not in known))
        known.update(needed)
        return rewriter

    def schemas(self) -> tuple[dict[str, Schema], int]:
        """Rewrite the components that were referred to so far, and those that these refer to.

        Returns:
            The components by their served names, and how many descriptions were shortened.
        """
        before = sum(rewriter.shortened for _, rewriter in self._worlds)
        served: dict[str, Schema] = {}
        for known, rewriter in self._worlds:
            done: set[str] = set()
            while waiting := [name for name in rewriter.met if name not in done]:
                for name in waiting:
                    served[rewriter.names[name]] = rewriter.schema(known[name])
                done.update(waiting)
        return served, sum(rewriter.shortened for _, rewriter in self._worlds) - before
