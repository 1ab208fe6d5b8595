"""What is told of every call when it has ended: to the numbers, the log and the traces.

The one place where a call's end is noted, whatever its way in and however it ends. A body that is
passed on as it comes ends its call when its last piece is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from gateway.errors import Bug, Refusal, UpstreamStatus
from gateway.forwarded import Network, trusts
from gateway.pipeline import Call
from gateway.pipeline.call import Clock, Note
from gateway.plugin import Operation
from gateway.shrinking import roughly
from gateway.telemetry.counted import GONE, UNTOLD, OperationCounts, cached_as
from gateway.telemetry.counts import Counts
from gateway.telemetry.ids import call_id, current, foreign_id
from gateway.telemetry.lines import clean
from gateway.telemetry.logs import Log
from gateway.telemetry.traces import Traces, parent_of
from gateway.values import Answer, Rest

_COUNTED = "is_counted"  # an exception has it when the call that it ended was counted
_METHOD = 16  # characters of one that nobody serves
_CALL = "call_id"  # likewise, the id of that call
_ERRORS = {status: f"upstream_{status}xx" for status in (4, 5)}
# Between two answers of which it is seen what a byte costs: each takes 12 µs.
_SAMPLED_SECONDS = 1.0
_SAMPLE = 1024  # bytes


@dataclass(slots=True)
class Recorder:
    """Notes how calls end.

    Args:
        counts: The numbers.
        steady: Seconds that never go back.
        log: Gets a line of each call.
        traces: Make a span of each.
        trusted: Proxies whose X-Request-Id is told as well.
    """

    counts: Counts = field(default_factory=Counts)
    steady: Clock = time.monotonic
    log: Log | None = None
    traces: Traces | None = None
    trusted: tuple[Network, ...] = ()
    _next_sample: float = 0.0

    def begun(
        self,
        route: str,
        operation: Operation,
        request: web.BaseRequest,
        message: bytes = b"",
    ) -> Note:
        """The note of a call that begins now, by this way in; `message` is the one of MCP."""
        note = Note(call_id(), self.steady(), route)
        current.set(note.id)
        if self.trusted:
            note.request_id = self._request_id(request)
        if self.traces is not None:
            method = operation.method if route == "http" else "POST"
            parent = parent_of(message) if message else None
            headers = parent or request.headers
            note.span = self.traces.begin(operation, route, method, headers, note.id)
        return note

    def _request_id(self, request: web.BaseRequest) -> str:
        """What a proxy that we trust calls a request; anybody else may write what he likes."""
        if not trusts(self.trusted, request.remote or ""):
            return ""
        return foreign_id(request.headers.get("X-Request-Id"))

    def id_of(self, error: BaseException) -> str:
        """The id of the call that an error ended; one of its own, where none had begun."""
        known = vars(error).get(_CALL)
        if not known:
            known = vars(error)[_CALL] = call_id()
            current.set(known)
        return str(known)

    def ended(self, operation: Operation, call: Call, answer: Answer) -> Answer:
        """A call was answered; gives what the caller is to get."""
        rest, status = answer.rest, answer.status
        outcome = "ok" if status < 400 else _ERRORS.get(status // 100, _ERRORS[5])
        if rest is not None:
            return answer._replace(rest=_Watched(rest, outcome, self, operation, call, status))
        size, tokens = len(answer.body), answer.tokens
        counts = self._counts(operation, call)
        if tokens is None and size and outcome == "ok":
            self._look(counts, answer.body)
        self._end(counts, operation, call, outcome, status, size, tokens)
        return answer

    def failed(self, operation: Operation, call: Call, error: BaseException) -> None:
        """A call was not answered."""
        status = Bug.status
        vars(error).update({_COUNTED: True, _CALL: call.note.id})
        if isinstance(error, Refusal):
            outcome, status = error.code, error.status
            if outcome == UpstreamStatus.code:
                outcome = _ERRORS.get(status // 100, _ERRORS[5])
        elif isinstance(error, asyncio.CancelledError):
            outcome, status = GONE, 499  # as nginx logs it; nobody is told
        else:
            outcome = Bug.code
        self._end(self._counts(operation, call), operation, call, outcome, status, 0, None)

    def refused(
        self,
        error: Exception,
        refusal: Refusal,
        plugin: Callable[[], str],
        request: web.BaseRequest,
        address: str,
    ) -> None:
        """A request was refused: by a call, which was counted, or before it was known what it
        calls. `plugin` gives the name of the one it is for, or ""."""
        refusal.call_id = self.id_of(error)
        if _COUNTED in vars(error):
            return
        name = plugin()
        self.counts.refused(refusal.code, name)
        if self.log is not None:
            self.log.call(
                refusal.call_id,
                None,
                "",
                clean(request.method, _METHOD),
                refusal.status,
                refusal.code,
                0.0,
                plugin=name,
                address=address,
                request_id=self._request_id(request) if self.trusted else "",
            )

    def _counts(self, operation: Operation, call: Call) -> OperationCounts:
        return self.counts.of(operation.plugin, call.note.meant or operation.name)

    def _end(
        self,
        counts: OperationCounts,
        operation: Operation,
        call: Call,
        outcome: str,
        status: int,
        sent: int,
        tokens: tuple[int, int] | None,
    ) -> None:
        """The one place where the end of a call is told."""
        note = call.note
        seconds = self.steady() - note.began
        counts.ended(outcome, note.route, seconds, sent, call.cache_status, tokens, note.received)
        if self.log is None and note.span is None:
            return
        cache, told = cached_as(call.cache_status), None if tokens is UNTOLD else tokens
        if note.span is not None:
            note.span.ended(status, outcome, cache=cache, sent=sent, tokens=told)
        if self.log is not None:
            self.log.call(
                note.id,
                operation,
                note.route,
                operation.method if note.route == "http" else "POST",
                status,
                outcome,
                seconds,
                meant=note.meant,
                arguments=call.arguments,
                caller=call.caller,
                address=call.address,
                upstream=note.upstream,
                tries=note.tries,
                cache=cache,
                received=note.received,
                sent=sent,
                tokens=told,
                request_id=note.request_id,
                trace_id="" if note.span is None else note.span.trace_id,
            )

    def _look(self, counts: OperationCounts, body: bytes) -> None:
        """See now and then what a byte of answers costs that are passed on as they are."""
        now = self.steady()
        if counts.ratio < 0 or now >= self._next_sample:
            self._next_sample = now + _SAMPLED_SECONDS
            # What holds a NUL is no text, and no model reads it as one.
            piece = body[:_SAMPLE]
            counts.learn(len(piece), 0 if b"\0" in piece else roughly(piece)[0])


class _Watched:
    """A body that is passed on as it comes: when it has, the call has ended."""

    def __init__(
        self,
        rest: Rest,
        outcome: str,
        recorder: Recorder,
        operation: Operation,
        call: Call,
        status: int,
    ) -> None:
        self.coding, self.length, self.varies = rest.coding, rest.length, rest.varies
        self._rest, self._outcome, self._status = rest, outcome, status
        self._recorder, self._operation, self._call = recorder, operation, call
        self._sent, self._is_over, self._is_open = 0, False, True

    async def read(self) -> bytes:
        """The next piece; nothing at the end. Raises: Refusal."""
        try:
            piece = await self._rest.read()
        except Refusal as refusal:
            self._outcome, self._is_over = refusal.code, True
            raise
        if not piece:
            self._is_over = True
        elif not self._sent and not self.coding:
            recorder = self._recorder
            recorder._look(recorder._counts(self._operation, self._call), piece)  # noqa: SLF001
        self._sent += len(piece)
        return piece

    def close(self) -> None:
        """Nobody wants the rest."""
        self._rest.close()
        if not self._is_open:
            return
        self._is_open = False
        recorder, call = self._recorder, self._call
        outcome = self._outcome if self._is_over or not self._sent else GONE
        call.note.received = max(call.note.received, self._sent)
        recorder._end(  # noqa: SLF001
            recorder._counts(self._operation, call),  # noqa: SLF001
            self._operation,
            call,
            outcome,
            self._status,
            self._sent,
            UNTOLD if self.coding else None,
        )
