"""One plugin fitted to one client: what a client takes differs, what the operator wrote does not.

A profile is a handful of numbers, each with its source. It fills in what the plugin leaves open:
a key in the YAML always wins. `/as/<profile>/…` serves the same faces, fitted; a service token
whose name is a profile's brings its calls the same. Stored replies are shared by all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from gateway.config.scalars import Budget
from gateway.plugin import Operation, Plugin, catalog_of, searching
from gateway.shrinking import Shapes, compile_shrinker


@dataclass(frozen=True, slots=True)
class Profile:
    """What one client takes; None is no bound.

    `tokens` is for one answer, `tools` how many are listed at most, `name` the characters of a
    tool's name with `around` the plugin's name before it and what joins them.
    """

    about: str
    tokens: int | None = None
    tools: int | None = None
    name: int | None = None
    around: int = 1
    structured: bool | None = None

    def longest(self, plugin: str) -> int | None:
        """How long a tool's name may be, in characters."""
        return None if self.name is None else self.name - len(plugin) - self.around


PROFILES: Mapping[str, Profile] = {
    "actions": Profile(
        "GPT Actions: some thirty operations (reported by users; OpenAI documents no number)",
        tools=30,
    ),
    "claude": Profile(
        "Claude Code: names of 64 with mcp__<server>__ before them (anthropics/claude-code#20830); "
        "its 25,000 tokens of a result are above our own default",
        name=64,
        around=7,
    ),
    "copilot": Profile(
        "Microsoft 365 Copilot: 4,096 tokens an answer, of which Microsoft advises two thirds; "
        "more than ten functions degrade (Copilot plugin documentation)",
        tokens=2700,
        tools=10,
    ),
    "cursor": Profile(
        "Cursor: it warns of names beyond 60 characters with the server's, and lists some forty "
        "tools (seen in the client)",
        tools=40,
        name=60,
    ),
    "vscode": Profile("Visual Studio Code: 128 tools in one request", tools=128),
}


def fitted(plugin: Plugin, profile: Profile) -> Plugin:
    """The same plugin within what a client takes, where the operator has not said otherwise."""
    config = plugin.config
    if profile.structured is not None and config.structured is None:
        config = structs.replace(config, structured=profile.structured)
    operations = dict(plugin.operations)
    if profile.tokens is not None:
        shapes, budget = Shapes(plugin.components), Budget(profile.tokens)
        operations = {
            name: one if one.own or one.budgeted else _within(one, budget, shapes)
            for name, one in operations.items()
        }
    searched = plugin.catalog
    chosen = {name: one for name, one in operations.items() if not one.own}
    many = profile.tools is not None and len(operations) > profile.tools
    if searched is None and many and config.expose is None:
        searched = catalog_of(chosen.values())
        taken = {(one.method, re.sub(r"\{[^{}]*\}", "{}", one.address)) for one in chosen.values()}
        operations |= searching(config, chosen, searched, taken)
    return replace(plugin, config=config, operations=operations, catalog=searched)


def halved(plugin: Plugin, twice: Collection[str]) -> Plugin:
    """The same plugin, the answers that are sent twice within half their budget each.

    `twice` names their operations.
    """
    shapes = Shapes(plugin.components)
    operations = {}
    for name, one in plugin.operations.items():
        budget = one.shrinker.budget
        half = Budget(budget.tokens // 2, budget.chars // 2)
        operations[name] = _within(one, half, shapes) if budget and name in twice else one
    return replace(plugin, operations=operations)


def _within(operation: Operation, budget: Budget, shapes: Shapes) -> Operation:
    """An operation whose answers keep to a budget."""
    choice = operation.shrinker.choice
    own = None if choice is None else choice.argument.name
    names = [one.name for one in operation.arguments if one.name != own]
    rules = replace(operation.rules, budget=budget)
    shrinker, _ = compile_shrinker(operation.replies, shapes, rules, names)
    return replace(operation, shrinker=shrinker, rules=rules)
