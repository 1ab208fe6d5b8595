"""Is an answer as full as its budget allows? Found without the code that filled it.

Whole and answer are compared as plain values. Wherever something is missing, what comes next
there is put in, and the result counted: the next row of an array or of a map, the next key of an
object, the rest of a text. A row is put in as its neighbours are: texts cut where theirs are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.config.scalars import Budget
from gateway.shrinking import count

ANNOUNCEMENT = "_shrunk"
MARK = "…"
_SLACK = 4  # tokens by which the numbers of an announcement may grow


@dataclass(frozen=True)
class Next:
    """What comes next at a place: what the answer would cost with it, as a part of the budget."""

    path: str
    what: str
    cost: float

    @property
    def fits(self) -> bool:
        return self.cost <= 1


def written(value: Any) -> str:
    """A value as a compact text; numbers as Python has them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sent(answer: dict[str, Any], encode: Callable[[bytes], bytes] | None) -> str:
    """The text of an answer, of which everything but the announcement is encoded."""
    if encode is None:
        return written(answer)
    rest = {key: value for key, value in answer.items() if key != ANNOUNCEMENT}
    return (
        written({ANNOUNCEMENT: answer.get(ANNOUNCEMENT)}) + encode(written(rest).encode()).decode()
    )


def filled(text: str, budget: Budget) -> float:
    """How full a budget is: by tokens or by characters, whatever there is more of."""
    return max(count(text) / budget.tokens, len(text) / budget.chars)


def nexts(
    whole: Any, answer: Any, budget: Budget, encode: Callable[[bytes], bytes] | None = None
) -> list[Next]:
    """What was left out next, the cheapest first; only what costs least is counted exactly.

    Args:
        whole: What could have been sent: an object, or what an answer has as `items`.
        answer: What was sent, its announcement included; before it was encoded.
        budget: What it had to fit.
        encode: What is sent of a text, where that is not the text itself.
    """
    if isinstance(whole, list):
        whole = {"items": whole}
    base = count(sent(answer, encode))
    found = []
    for path, what, added, put in _missing(whole, answer, ""):
        cost = base + count(added)
        found.append((cost, path, what, put))
    found.sort(key=lambda one: one[0])
    counted = []
    for number, (cost, path, what, put) in enumerate(found):
        if number < 5 and cost < 2 * budget.tokens:
            undo = put()
            text = sent(answer, encode)
            undo()
            tokens = count(text) + _SLACK
            counted.append(Next(path, what, max(tokens / budget.tokens, len(text) / budget.chars)))
        else:
            counted.append(Next(path, what, cost / budget.tokens))
    return counted


Undo = Callable[[], None]


def _missing(
    whole: Any, sent: Any, path: str
) -> Iterator[tuple[str, str, str, Callable[[], Undo]]]:
    """Where something is missing: the path, what, its text, and what puts it in."""
    if isinstance(whole, list) and isinstance(sent, list):
        if len(sent) < len(whole):
            row = _like(whole[len(sent)], sent)
            yield f"{path}[{len(sent)}]", "row", written(row), _append(sent, row)
        for number, item in enumerate(sent):
            yield from _changed(whole[number], item, f"{path}[{number}]", sent, number)
    elif isinstance(whole, dict) and isinstance(sent, dict):
        missing = next((key for key in whole if key not in sent), None)
        if missing is not None:
            value = _like(whole[missing], list(sent.values()))
            text = written({missing: value})
            yield f"{path}.{missing}", "key", text, _set(sent, missing, value)
        for key, item in list(sent.items()):
            if key in whole:
                yield from _changed(whole[key], item, f"{path}.{key}", sent, key)


def _changed(
    whole: Any, sent: Any, path: str, parent: Any, key: Any
) -> Iterator[tuple[str, str, str, Callable[[], Undo]]]:
    if isinstance(whole, str) and whole != sent:
        yield path, "text", whole[len(sent) - 1 :], _set(parent, key, whole)
    else:
        yield from _missing(whole, sent, path)


def _append(rows: list[Any], row: Any) -> Callable[[], Undo]:
    def put() -> Undo:
        rows.append(row)
        return lambda: rows.pop() and None

    return put


def _set(parent: Any, key: Any, value: Any) -> Callable[[], Undo]:
    def put() -> Undo:
        had = key in parent if isinstance(parent, dict) else True
        before = parent[key] if had else None
        parent[key] = value

        def undo() -> None:
            if had:
                parent[key] = before
            else:
                del parent[key]

        return undo

    return put


def _like(value: Any, neighbours: list[Any]) -> Any:
    """A value with its texts cut where those of its neighbours are."""
    lengths = [len(text) for text in _texts(neighbours) if text.endswith(MARK)]
    return _cut(value, max(lengths)) if lengths else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _texts(item)


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + MARK
    if isinstance(value, list):
        return [_cut(item, longest) for item in value]
    if isinstance(value, dict):
        return {key: _cut(item, longest) for key, item in value.items()}
    return value
