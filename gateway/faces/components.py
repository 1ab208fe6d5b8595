"""The component schemas that the served operations share, and how each side is rewritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gateway.faces.schemas import Changes, Memo, Names, Rewriter, Scale, World, circles, reached
from gateway.faces.texts import Words
from gateway.plugin import Operation, Plugin
from gateway.values import Schema


class Shared:
    """What all operations of one plugin may refer to, found once; `Components` writes it.

    `answers` is the world of each operation's answer, by its name, `inputs` that of all
    arguments. `upstream` are the upstream's own components, unchanged; `words` are what may be
    shortened.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.upstream: Mapping[str, Schema] = plugin.components
        self.words = Words(plugin.config)
        self.answers: dict[str, World] = {}
        self.worlds: list[World] = []
        names = Names()
        direct: Memo = {}
        for operation in plugin.operations.values():
            self.answers[operation.name] = self._answer(operation, names, direct)
        wanted = [arg.schema for one in plugin.operations.values() for arg in one.arguments]
        inputs = reached(wanted, plugin.components, direct)
        self.inputs = World(inputs, "readOnly", names.give(inputs, "Input"))
        self.worlds.append(self.inputs)
        for world in self.worlds:
            world.circles.update(circles(world.components, direct))

    def _answer(self, operation: Operation, names: Names, direct: Memo) -> World:
        """Find the world of an answer: a shared one, wherever its components are the same."""
        shrinker = operation.shrinker
        needed = reached([shrinker.schema], shrinker.components, direct)
        fitting = (
            world
            for world in self.worlds
            if all(world.components.get(name, schema) == schema for name, schema in needed.items())
        )
        world = next(fitting, None)
        if world is None:
            world = World({}, "writeOnly")
            self.worlds.append(world)
        world.names.update(names.give(name for name in needed if name not in world.components))
        # Those that are known stay the very same, though others may be equal.
        world.components.update({n: s for n, s in needed.items() if n not in world.components})
        return world


@dataclass(slots=True)
class Components:
    """One writing of what is shared: `answers` and `inputs` are its rewriters."""

    shared: Shared
    scale: Scale
    answers: dict[str, Rewriter]
    inputs: Rewriter
    _rewriters: list[Rewriter]

    @classmethod
    def of(
        cls,
        shared: Shared,
        scale: Scale,
        shown: Collection[int] | None,
        keeps: frozenset[str] = frozenset(),
    ) -> Components:
        """Begin a writing on a scale; `shown` and `keeps` as in `Rewriter`."""
        rewriters = [Rewriter(world, shared.words, scale, shown, keeps) for world in shared.worlds]
        by_world = {id(each.world): each for each in rewriters}
        answers = {name: by_world[id(world)] for name, world in shared.answers.items()}
        return cls(shared, scale, answers, by_world[id(shared.inputs)], rewriters)

    def schemas(self) -> tuple[dict[str, Schema], Changes, Changes]:
        """Rewrite the components that were referred to so far, and those that these refer to.

        Returns:
            The components by their served names, and what was changed before and after.
        """
        before = self._changes()
        served: dict[str, Schema] = {}
        for rewriter in self._rewriters:
            done: set[str] = set()
            while waiting := [name for name in rewriter.met if name not in done]:
                for name in waiting:
                    served[rewriter.world.names[name]] = rewriter.component(name)
                done.update(waiting)
        return served, before, self._changes()

    def _changes(self) -> Changes:
        shortened, named, told = zip(*(each.changes for each in self._rewriters), strict=True)
        return sum(shortened), sum(named), sum(told)
