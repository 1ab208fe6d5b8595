"""Compiling in a thread while calls are answered: none is held up, or refused for that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from gateway.turns import Turns

# Entered while a thread compiles.
Beside = Callable[[], AbstractContextManager[None]]

# Seconds for which such a thread keeps Python's lock where the loop wants it back: a call gives it
# away each time that it reads or writes. Python's own are 5 ms, more than most calls take.
SHORT = 0.0002
_PYTHONS = sys.getswitchinterval()


@contextmanager
def beside(turns: Turns) -> Iterator[None]:
    """Let a thread compile beside the loop whose turns these are."""
    turns.beside += 1
    sys.setswitchinterval(SHORT)
    try:
        yield
    finally:
        turns.beside -= 1
        if not turns.beside:
            sys.setswitchinterval(_PYTHONS)
