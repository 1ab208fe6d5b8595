"""The operation that gives the rest of cut answers, as a spec would describe it.

It is one of the gateway's own, beside the upstream's: `slices` does what it promises, from what
is kept under a handle.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.config.scalars import Budget
from gateway.shrinking.shrinker import Shrinker
from gateway.values import SpecOperation, SpecParameter

HERE = "$"  # the path where the caller names none: the whole answer
GIVES = "a slice of what is kept, as full as the budget of its operation allows"
_NAME = "getMore"
_DESCRIPTION = (
    "The rest of a cut answer: rows, keys or characters at a path that its _shrunk names. "
    "Go on with next as offset."
)


def more_name(taken: Collection[str]) -> str:
    """What it is called: a name that no other operation of the plugin has."""
    name = _NAME
    while name in taken:
        name += "_"
    return name


def more_spec(name: str) -> SpecOperation:
    """Describe it."""
    # No bounds above: what they say would cost every reader of the spec more than they spare us.
    parameters = (
        SpecParameter("handle", "query", {"type": "string"}, True, "From _shrunk.more."),
        SpecParameter(
            "path",
            "query",
            {"type": "string"},
            description="Also of one row: data[3].body.",
        ),
        SpecParameter(
            "offset",
            "query",
            {"type": "integer", "minimum": 0},
            description="How much you have.",
        ),
        SpecParameter(
            "count", "query", {"type": "integer", "minimum": 1}, description="At most so many."
        ),
    )
    path = f"/{_NAME}"
    return SpecOperation("GET", path, path, name, "", _DESCRIPTION, parameters)


def own_shrinker(words: str) -> Shrinker:
    """What answers of the gateway's own operations look like: open objects, since every reader of
    the spec pays for what is said of them; and nothing is to be done with them any more.

    `words` say what they are, for people.
    """
    return Shrinker({"type": "object"}, {}, Budget(0, 0), words=(words,))
