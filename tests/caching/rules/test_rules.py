"""Every rule that the public suite of HTTP cache tests asks for, as a scene of our own.

A rule's name is the suite's, so that a verdict there leads to the scene here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.caching.rules import choosing, freshness
from tests.caching.rules.scene import Step, play

SCENES: dict[str, tuple[Step, ...]] = freshness.SCENES | choosing.SCENES


def names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "names.txt").read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            list(found.values())[-1].append(line)
    return found


@pytest.mark.parametrize("rule", sorted(SCENES))
def test_a_rule(rule: str) -> None:
    play(*SCENES[rule])


def test_every_rule_has_its_scene() -> None:
    known = names()
    assert {kind: len(rules) for kind, rules in known.items()} == {"required": 160, "optimal": 105}
    assert not {rule for rules in known.values() for rule in rules} ^ set(SCENES)
