"""The log of a process: a line for each call, and all else that is said, in one form.

Calls do not pass Python's `logging`, which takes ten times as long; what the package and its
libraries say through it is written to the same place by a handler.
"""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TextIO

from gateway.telemetry.ids import current
from gateway.telemetry.lines import (
    MAX_MESSAGE,
    Callers,
    CallLine,
    Record,
    Served,
    Stamps,
    Targets,
    as_json,
    as_text,
    clean,
    clean_trace,
)
from gateway.telemetry.writer import Writer, sink_of
from gateway.values import Caller

Kind = Literal["json", "text", "no"]
Level = Literal["debug", "info", "warning", "error"]
KINDS: tuple[Kind, ...] = ("json", "text", "no")
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

_NUMBERS: dict[str, int] = {name: getattr(logging, name.upper()) for name in LEVELS}
_OWN = "gateway"


class Log:
    """Where lines go.

    Args:
        writer: Writes them.
        level: The least that is written. A call is `info`, one that failed through the upstream
            `warning`, through us `error`.
        calls: Whether calls have lines; all else has.
        key: Of the digests of callers. Processes that have the same one write the same digests.
    """

    def __init__(
        self, writer: Writer, level: Level = "info", *, calls: bool = True, key: bytes = b""
    ) -> None:
        self.writer = writer
        self.level = _NUMBERS[level]
        self.calls = calls
        self.mask: Callable[[str], str] = lambda text: text  # takes secrets out of messages
        self._callers = Callers(key or secrets.token_bytes(32))
        self._targets, self._stamps = Targets(), Stamps()

    def call(
        self,
        call_id: str,
        operation: Served | None,
        route: str,
        method: str,
        status: int,
        outcome: str,
        seconds: float,
        *,
        plugin: str = "",
        meant: str = "",
        arguments: Iterable[str] = (),
        caller: Caller | None = None,
        address: str = "",
        upstream: float = 0.0,
        tries: int = 0,
        cache: str = "",
        received: int = 0,
        sent: int = 0,
        tokens: tuple[int, int] | None = None,
        request_id: str = "",
        trace_id: str = "",
    ) -> None:
        """Write the line of a call that has ended.

        Args:
            operation: None where it is not known: the call was refused before.
            plugin: The one it was for, where that is all that is known.
            meant: The operation that this one passed the call on to.
            arguments: The names of those that came.
            cache: How the reply was had, in a word.
            tokens: Of the reply and of the answer.
        """
        level = "info" if status < 500 else "error" if status == 500 else "warning"
        if _NUMBERS[level] < self.level or not self.calls:
            return
        before, after = tokens or (0, 0)
        line = CallLine(
            self._stamps(time.time()),
            level,
            call_id,
            plugin if operation is None else operation.plugin,
            "" if operation is None else meant or operation.name,
            route,
            method,
            "" if operation is None else self._targets(operation, route, arguments),
            status,
            outcome,
            round(seconds * 1000, 2) if seconds else None,
            round(upstream * 1000, 2) if upstream else None,
            tries,
            cache,
            received,
            sent,
            before,
            after,
            self._callers(caller, address),
            request_id,
            trace_id,
        )
        self.writer.put(line)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


class Handler(logging.Handler):
    """Brings what is said through `logging` into the log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._stamps = Stamps()
        self._levels = [(one, one.level) for one in (logging.getLogger(), logging.getLogger(_OWN))]

    def close(self) -> None:
        """Let `logging` be as it was."""
        for logger, level in self._levels:
            logger.setLevel(level)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; of one that cannot be written, whence it came."""
        try:
            level = record.levelname.lower() if record.levelno <= logging.ERROR else "error"
            mask = self._log.mask
            exception = ""
            if record.exc_info and record.exc_info[1] is not None:
                exception = clean_trace(mask("".join(traceback.format_exception(*record.exc_info))))
            line = Record(
                self._stamps(record.created),
                level,
                clean(mask(record.getMessage()), MAX_MESSAGE),
                current.get(),
                "" if record.name == _OWN else clean(record.name),
                exception,
            )
            self._log.writer.put(line, urgent=record.levelno >= logging.WARNING)
        except Exception as error:  # noqa: BLE001 - what is logged must not fail a call
            # Not `handleError`, which prints the arguments: no mask has seen them.
            where = f"{record.filename}:{record.lineno}"
            text = f"what {where} said could not be written: {type(error).__name__}"
            self._log.writer.put(Record(self._stamps(record.created), "error", clean(text)))


def default_kind(stream: TextIO) -> Kind:
    """Text for a person at a terminal, JSON for programs."""
    return "text" if stream.isatty() else "json"


def open_log(
    stream: TextIO, kind: Kind | None = None, level: Level = "info", *, key: bytes = b""
) -> Log:
    """Begin to log on a stream, all of the process; `no` leaves out the calls.

    Of libraries, no more than `info` is written: what they say to their own developers may hold
    whatever passes through them.
    """
    form = default_kind(stream) if kind in (None, "no") else kind
    written = as_json if form == "json" else partial(as_text, colours=stream.isatty())
    log = Log(Writer(written, sink_of(stream)), level, calls=kind != "no", key=key)
    _remove()  # one before this one
    root = logging.getLogger()
    root.addHandler(Handler(log))
    root.setLevel(max(_NUMBERS[level], logging.INFO))
    logging.getLogger(_OWN).setLevel(_NUMBERS[level])
    return log


def close_log(log: Log) -> None:
    """Write what is left, and let `logging` be as it was."""
    _remove()
    log.close()


def _remove() -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, Handler):
            root.removeHandler(handler)
            handler.close()
