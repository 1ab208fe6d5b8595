"""What is still free of a budget after cutting, given to what was left out next.

`squeeze` cuts to bytes, so some tokens in a hundred stay free: enough for a few more rows, or for
the end of a text. At every place where something is missing one thing comes next: the next row,
the next key, or the rest of a string. All places have their turn, the smallest thing first, until
nothing that comes next would fit:
    a row      slim, as the ladder counts it
    a key      slim, below the first floor where it does not fit otherwise
    a string   as a whole; one that still had to be cut is not worth the tokens
What is missing inside of what was put in comes next there, so the last row may be partial.

A piece is counted alone. That is near the truth and never the truth, so whoever tops up counts
what comes of it, and says how much is free now or too much.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TypeAlias

from gateway.shrinking.squeeze import (
    ARRAY,
    DEEPEST,
    FLOORS,
    MARK,
    OBJECT,
    STRING,
    Node,
    joined,
    squeeze,
)
from gateway.shrinking.tokens import characters, count

_PER_TOKEN = 8  # bytes: longer pieces are not counted, there are hardly any that fit
_MARKED = len(MARK) + 1
_SKIPPED = 8  # keys that do not fit, until an object's others are not looked at
_COUNTED = 1 << 14  # bytes of pieces at least; else as many as the value has
_LAST = 1 << 20  # turns
_Kept: TypeAlias = "bytes | _Part"


class _Part:
    """A container that is not whole: what it holds, by number; of what is whole, the text."""

    __slots__ = ("below", "depth", "gone", "node")

    def __init__(self, node: Node, depth: int) -> None:
        self.node = node
        self.depth = depth
        self.below: dict[int, _Kept] = {}
        self.gone = False  # taken back with what it stands in

    def text(self) -> bytes:
        parts = [
            self.node.head(number) + _text(self.below[number]) for number in sorted(self.below)
        ]
        return joined(self.node, parts)

    def go(self) -> None:
        self.gone = True
        for kept in self.below.values():
            if isinstance(kept, _Part):
                kept.go()


class _Form:
    """A piece with its head. What it costs is -1 until somebody has counted."""

    __slots__ = ("characters", "text", "tokens")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.tokens = self.characters = -1


class _Next:
    """What comes next in a part: a row or a key, or the `rest` of a string that was cut."""

    __slots__ = ("again", "forms", "number", "part", "rest", "skipped", "turn")

    def __init__(
        self, part: _Part, number: int, turn: int, *, rest: bool = False, skipped: int = 0
    ) -> None:
        self.part = part
        self.number = number
        self.turn = turn
        self.rest = rest
        self.skipped = skipped  # keys before it that did not fit
        self.again = False  # taken back before
        self.forms: list[_Form] = []  # the mildest first; made when it is looked at

    @property
    def valid(self) -> bool:
        """Whether it comes next still: what it follows may have been taken back."""
        part = self.part
        if part.gone or (self.number in part.below) is not self.rest:
            return False
        return self.rest or part.node.kind == OBJECT or self.number == len(part.below)

    def look(self) -> list[_Form]:
        """Its forms."""
        if not self.forms:
            child, depth = self.part.node.child(self.number), self.part.depth + 1
            if self.rest:
                texts = [bytes(child.raw)]
            else:
                rooms = {child.slim(floor) for floor in _floors(self.part.node)}
                texts = [squeeze(child, room, depth) or b"" for room in sorted(rooms)[::-1]]
            self.forms = [_Form(text) for text in texts if text]
        return self.forms

    def price(self, form: _Form) -> None:
        """Count a form: what it adds to what is there."""
        if self.rest:
            kept = _text(self.part.below[self.number])
            added = form.text[len(kept) - _MARKED :]
        else:
            added = b"," + self.part.node.head(self.number) + form.text
        form.tokens, form.characters = count(added), characters(added)


class TopUp:
    """A cut value that can be filled up."""

    def __init__(self, node: Node, cut: bytes) -> None:
        """Take a value, and the text of what is left of it."""
        self._queue: list[tuple[int, int, int, _Next]] = []
        self._late: list[tuple[int, int, int, _Next]] = []  # those that did not fit
        self._queued = 0
        self._done: list[tuple[_Next, _Form, _Kept | None]] = []
        self._patience = max(len(cut), _COUNTED)  # bytes that are counted in pieces, all in all
        self._top = self._opened(node, Node(cut), 0, 0)

    def text(self) -> bytes:
        """The value as it is now."""
        return _text(self._top)

    def fill(self, tokens: float, chars: float) -> int:
        """Put in what fits, or take back what is too much.

        Args:
            tokens: How many are free; below 0, how many too many there are.
            chars: Likewise, characters.

        Returns:
            The tokens of it, below 0 if it was taken back; 0 where nothing can be done.
        """
        return self._back(-tokens, -chars) if tokens < 0 or chars < 0 else self._put(tokens, chars)

    def _put(self, tokens: float, chars: float) -> int:
        self._queue += self._late
        self._late = []
        heapify(self._queue)
        spent = 0
        while self._queue:
            entry = heappop(self._queue)
            _, size, _, one = entry
            if not one.valid:
                continue
            form = self._fitting(one, size, tokens - spent, chars)
            if form is None:
                self._late.append(entry)
                self._pass_over(one)
                continue
            spent += form.tokens
            chars -= form.characters
            self._add(one, form)
        return spent

    def _add(self, one: _Next, form: _Form) -> None:
        part, number = one.part, one.number
        self._done.append((one, form, part.below.get(number)))
        if one.rest:
            part.below[number] = form.text
            return
        self._note(part, number, Node(form.text), one.turn + 1)
        self._offer(part, one.turn + 1, number + 1)

    def _pass_over(self, one: _Next) -> None:
        """Where a key does not fit, another one may."""
        if one.part.node.kind == OBJECT and not one.rest and one.skipped < _SKIPPED:
            self._offer(one.part, one.turn, one.number + 1, one.skipped + 1)
            one.skipped = _SKIPPED

    def _back(self, tokens: float, chars: float) -> int:
        back = 0
        while self._done and (tokens > 0 or chars > 0):
            one, form, before = self._done.pop()
            kept = one.part.below.pop(one.number)
            if isinstance(kept, _Part):
                kept.go()
            if before is not None:
                one.part.below[one.number] = before
            if not one.again:  # once more, when all others had their turn
                one.again, one.turn = True, one.turn + _LAST
                self._queue_up(one, len(form.text))
            back -= form.tokens
            tokens -= form.tokens
            chars -= form.characters
        return back

    def _fitting(self, one: _Next, size: int, tokens: float, chars: float) -> _Form | None:
        """The mildest form that fits, if any does."""
        if size > tokens * _PER_TOKEN:
            return None
        for form in one.look():
            long = len(form.text) if not one.rest else size
            if form.tokens < 0 and long <= min(tokens * _PER_TOKEN, self._patience):
                self._patience -= long
                one.price(form)
            if 0 <= form.tokens <= tokens and form.characters <= chars:
                return form
        return None

    # --- what comes next ----------------------------------------------------------------------

    def _opened(self, node: Node, sent: Node, depth: int, turn: int) -> _Kept:
        """What is left of a value; where something of it is missing is noted."""
        whole = node.size == sent.size and memoryview(node.raw) == memoryview(sent.raw)
        if whole or node.kind not in (ARRAY, OBJECT) or depth >= DEEPEST:
            return bytes(sent.raw)
        part = _Part(node, depth)
        numbers = [node.places[key] for key in sent.places] or range(len(sent))
        for place, number in enumerate(numbers):
            self._note(part, number, sent.child(place), turn)
        self._offer(part, turn, 0)
        return part

    def _note(self, part: _Part, number: int, kept: Node, turn: int) -> None:
        """Put into a part what is left of a child."""
        child = part.node.child(number)
        part.below[number] = self._opened(child, kept, part.depth + 1, turn)
        if child.kind == STRING and child.size > kept.size:
            self._queue_up(_Next(part, number, turn, rest=True), child.size - kept.size)

    def _offer(self, part: _Part, turn: int, number: int, skipped: int = 0) -> None:
        """Note the next row or key that is missing, from a number on."""
        while number in part.below:
            number += 1
        if number < len(part.node):
            size = part.node.child(number).slim(_floors(part.node)[-1])
            self._queue_up(_Next(part, number, turn, skipped=skipped), size)

    def _queue_up(self, one: _Next, size: int) -> None:
        self._queued += 1  # alike ones keep their order
        heappush(self._queue, (one.turn, size, self._queued, one))


def _floors(node: Node) -> tuple[int, ...]:
    """How slim what is put into a container may be: rows are not worth less than their texts."""
    return FLOORS[:1] if node.kind == ARRAY or node.is_map() else FLOORS


def _text(kept: _Kept) -> bytes:
    return kept.text() if isinstance(kept, _Part) else kept
