"""What the commands share."""

from __future__ import annotations

from gateway.cli.common import run


class Told:
    """Counts how often somebody wants it in words."""

    def __init__(self) -> None:
        self.times = 0

    def __repr__(self) -> str:
        self.times += 1
        return "told"


def test_what_a_command_makes_is_not_put_in_words() -> None:
    """A runner describes its finished task, result included: of all plugins that takes seconds."""
    made = Told()

    async def make() -> Told:
        return made

    assert run(make()) is made
    assert made.times == 0
