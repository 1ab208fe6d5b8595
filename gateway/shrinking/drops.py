"""`drop`: what says nothing is left out of an answer.

`empty` is null, "", [] and {}, and whatever is empty once those are gone. Members of objects
are dropped. Items of arrays are not, since the place of an item may be its meaning: they stay,
emptied; but an array of nothing but empty items is itself empty.

One pass over the tree. What is left keeps its order, and a second pass changes nothing.
"""

from __future__ import annotations

from gateway.shrinking.exact import Tree

_MAY_BE_EMPTY = (str, list, dict)


def drop_empty(value: Tree) -> Tree:
    """Drop what is empty below a value; the value itself stays, if only as {} or []."""
    if type(value) is dict:
        kept = {}
        for key, member in value.items():
            rest = drop_empty(member) if type(member) is dict or type(member) is list else member
            if not _is_empty(rest):
                kept[key] = rest
        return kept
    if type(value) is list:
        items = [
            drop_empty(item) if type(item) is dict or type(item) is list else item for item in value
        ]
        return items if any(not _is_empty(item) for item in items) else []
    return value


def _is_empty(value: Tree) -> bool:
    return value is None or (type(value) in _MAY_BE_EMPTY and not value)
