"""What a model could mistake in several plugins: operations of one name, texts that are alike.
Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.authoring.likeness import Text, alike
from gateway.config import Loaded
from gateway.errors import Mistake
from gateway.plugin import Operation, Plugin

MOST = 10  # warnings of two plugins; who copies a whole config needs no list of it

Path = tuple[str | int, ...]
Pair = tuple[Loaded, Plugin]


@dataclass(frozen=True, slots=True)
class Served:
    """An operation, and where it comes from."""

    loaded: Loaded
    plugin: Plugin
    operation: Operation

    def mistake(self, message: str, *keys: str) -> Mistake:
        """A warning at its entry in the config, or at a key of that."""
        return self.loaded.mistake((*_key(self.loaded, self.operation), *keys), message)

    def place(self, *keys: str) -> str:
        """`file:line` of the same."""
        at = self.mistake("", *keys)
        return f"{at.file}:{at.line}"


def rivals(pairs: Sequence[Pair]) -> Mapping[str, list[Mistake]]:
    """Warnings by the name of the plugin that comes later; each names the earlier one, too."""
    found: dict[tuple[str, str], list[Mistake]] = defaultdict(list)
    every = [
        Served(loaded, plugin, operation) for loaded, plugin in pairs for operation in plugin.chosen
    ]
    for earlier, later, warning in (*_descriptions(pairs), *_names(every), *_operations(every)):
        found[earlier, later].append(warning)
    warnings: dict[str, list[Mistake]] = defaultdict(list)
    configs = {plugin.name: loaded for loaded, plugin in pairs}
    for (earlier, later), all_of_two in found.items():
        warnings[later] += all_of_two[:MOST]
        if len(all_of_two) > MOST:
            text = f"{len(all_of_two) - MOST:,} more of its operations are like those of {earlier}"
            warnings[later].append(configs[later].mistake(("operations",), text))
    return warnings


def _descriptions(pairs: Sequence[Pair]) -> Iterator[tuple[str, str, Mistake]]:
    texts = [Text(plugin.name, plugin.description) for _, plugin in pairs]
    for pair in alike(texts):
        (other, earlier), (loaded, later) = pairs[pair.first], pairs[pair.second]
        at = other.mistake(("description",), "")
        text = (
            f"{later.name} is described nearly as {earlier.name} is, at {at.file}:{at.line} "
            f"({pair.likeness:.0%} alike): a model takes one plugin for the other; begin each "
            "with what only it is for"
        )
        yield earlier.name, later.name, loaded.mistake(("description",), text)


def _names(every: Sequence[Served]) -> Iterator[tuple[str, str, Mistake]]:
    first: dict[str, Served] = {}
    for one in every:
        other = first.setdefault(one.operation.name.lower(), one)
        if other.plugin is not one.plugin:
            text = (
                f"{other.plugin.name} has an operation {other.operation.name!r}, too, at "
                f"{other.place()}: a model takes one for the other; give one of them a name that "
                "says what it is about"
            )
            yield other.plugin.name, one.plugin.name, one.mistake(text)


def _operations(every: Sequence[Served]) -> Iterator[tuple[str, str, Mistake]]:
    texts = [Text(one.plugin.name, one.operation.description) for one in every]
    for pair in alike(texts):
        other, one = every[pair.first], every[pair.second]
        if other.operation.name.lower() == one.operation.name.lower():
            continue  # its name is told of already
        text = (
            f"{one.operation.name!r} is described nearly as {other.operation.name!r} of "
            f"{other.plugin.name}, at {other.place('description')} ({pair.likeness:.0%} alike): a "
            "model takes one for the other; say in each description what only this one does"
        )
        yield other.plugin.name, one.plugin.name, one.mistake(text, "description")


def _key(loaded: Loaded, operation: Operation) -> Path:
    """The entry of an operation in its config; that of all where a glob or `all` chose it."""
    named, spec = loaded.plugin.operations, operation.spec
    calls = (operation.name, spec.operation_id, f"{spec.method} {spec.key}")
    if isinstance(named, dict):
        return ("operations", *[call for call in calls if call in named][:1])
    if isinstance(named, list):
        return ("operations", *[number for number, call in enumerate(named) if call in calls][:1])
    return ("operations",)
