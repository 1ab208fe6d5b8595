"""Lines of the log."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.telemetry.ids import current
from gateway.telemetry.lines import (
    Callers,
    CallLine,
    Line,
    Record,
    Stamps,
    Targets,
    as_json,
    as_text,
    clean,
    clean_trace,
    network_of,
)
from gateway.telemetry.logs import Log, close_log, open_log
from gateway.telemetry.writer import Writer, sink_of
from gateway.values import Argument, Caller


@dataclass
class Operation:
    plugin: str = "sport"
    name: str = "getPlayers"
    address: str = "/teams/{team}/players"
    by_name: dict[str, Argument] = field(
        default_factory=lambda: {
            "team": Argument("team", "path", ("team",), {}, served="path"),
            "query": Argument("query", "query", ("query",), {}),
        }
    )


def line(**fields: object) -> CallLine:
    return CallLine("2026-11-21T18:57:55.123Z", "info", "0" * 20, **fields)  # type: ignore[arg-type]


# --- what may be said -------------------------------------------------------------------------


def test_a_time_is_utc_to_the_millisecond() -> None:
    stamps = Stamps()
    for now in (0.0, 1.9999, 1763751475.123, 1763751475.999):
        said = datetime.fromisoformat(stamps(now))
        assert said.timestamp() == pytest.approx(now, abs=0.001)
        assert len(stamps(now)) == len("2026-11-21T18:57:55.123Z")


def test_an_address_is_told_without_what_a_caller_put_into_it() -> None:
    said = Targets()(Operation(), "http", {"team": "secret-team", "query": "secret-query"})
    assert said == "/teams/{team}/players?query=***"


def test_a_name_that_nobody_knows_is_not_told() -> None:
    assert Targets()(Operation(), "http", {"secret-name": 1}) == "/teams/{team}/players"


def test_another_way_in_is_told_as_such() -> None:
    targets = Targets()
    assert targets(Operation(), "call", {"query": 1}) == "/call/getPlayers"
    assert targets(Operation(), "mcp", {"query": 1}) == "/mcp"


def test_targets_are_remembered_for_names_that_are_ours_only() -> None:
    targets = Targets()
    for number in range(1000):
        targets(Operation(), "http", {f"name{number}": 1})
        targets(Operation(address=f"/{number}"), "http", {})
    assert len(targets._known) <= 256
    assert not any("name999" in key for key in targets._known)


def test_a_caller_is_told_by_the_name_of_his_token_or_not_at_all() -> None:
    callers = Callers(b"key")
    assert callers(Caller("ada"), "203.0.113.9") == "token:ada"
    known = callers(Caller("a" * 64, "Bearer secret"), "203.0.113.9")
    assert known.startswith("key:")
    assert len(known) == len("key:") + 16
    assert known == callers(Caller("a" * 64, "Bearer secret"), "198.51.100.1")
    assert known != callers(Caller("b" * 64, "Bearer secret"), "203.0.113.9")
    assert known != Callers(b"another")(Caller("a" * 64, "Bearer secret"), "")
    assert callers(None, "203.0.113.9") == "203.0.113.0/24"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("", ""),
        ("not an address\n", ""),
    ],
)
def test_an_address_is_told_as_its_network(address: str, told: str) -> None:
    assert network_of(address) == told


# --- what others wrote ------------------------------------------------------------------------


@given(st.text())
@example("a\nb")
@example("\x1b[2J\x9b2J")
@example("\u202eevil\u2028\U000e0041")
@example("\ud800")
def test_what_others_wrote_is_one_line_of_what_can_be_seen(text: str) -> None:
    said = clean(text)
    assert said.isprintable()
    record = Record("2026-11-21T18:57:55.123Z", "info", said, exception=clean_trace(text))
    for written in (as_json([record]), as_text([record]), as_text([record], colours=True)):
        decoded = written.decode()
        assert decoded.endswith("\n")
        assert all(one == "\x1b" or one.isprintable() or one == "\n" for one in decoded)
    assert as_json([record]).count(b"\n") == 1
    lines = as_text([record]).decode().split("\n")
    assert all(one.startswith("    | ") for one in lines[1:-1])
    assert json.loads(as_json([record]))["message"] == said


def test_a_long_text_is_cut() -> None:
    assert len(clean("x" * 100_000)) == 4096
    assert len(clean_trace("x\n" * 100_000)) <= 16 * 1024


# --- forms ------------------------------------------------------------------------------------


def test_json_has_what_is_known_and_nothing_else() -> None:
    said = json.loads(as_json([line(plugin="sport", operation="getPlayers", status=200)]))
    assert said == {
        "time": "2026-11-21T18:57:55.123Z",
        "level": "info",
        "call_id": "0" * 20,
        "plugin": "sport",
        "operation": "getPlayers",
        "status": 200,
    }


def test_text_shows_a_person_what_matters_first() -> None:
    one = line(
        plugin="sport", operation="getPlayers", route="http", method="GET", target="/players",
        status=504, outcome="upstream_timeout", ms=8003.2, tries=2, upstream_ms=8001.0,
        cache="miss", tokens_before=300, tokens_after=100, sent=120, caller="token:ada",
    )  # fmt: skip
    assert as_text([one]).decode() == (
        "2026-11-21T18:57:55.123Z INFO    sport.getPlayers 504 upstream_timeout 8003.2 ms · miss · "
        "upstream 8001.0 ms, 2 tries · 300 → 100 tokens · 120 bytes  "
        "GET /players  token:ada  00000000000000000000\n"
    )
    assert "\x1b[" in as_text([one], colours=True).decode()


# --- writing ----------------------------------------------------------------------------------


class Reader:
    """Takes what is written, once it is let to."""

    def __init__(self, *, reads: bool = True) -> None:
        self.said = b""
        self.reading, self.waits = threading.Event(), threading.Event()
        if reads:
            self.reading.set()

    def __call__(self, data: bytes) -> None:
        self.waits.set()
        self.reading.wait()
        self.said += data

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(one) for one in self.said.splitlines()]


def test_lines_are_written_in_their_order_from_many_threads() -> None:
    reader = Reader()
    writer = Writer(as_json, reader)

    def say(thread: int) -> None:
        for number in range(500):
            writer.put(line(plugin=str(thread), status=number + 1))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert len(reader.lines) == 2000
    for number in range(4):
        said = [one["status"] for one in reader.lines if one["plugin"] == str(number)]
        assert said == list(range(1, 501))


def test_who_does_not_read_holds_nobody_and_is_told_what_was_lost() -> None:
    reader = Reader(reads=False)
    writer = Writer(as_json, reader, most=10)
    writer.put(line(status=1), urgent=True)
    assert reader.waits.wait(10)  # the thread hangs in its write
    for number in range(100):
        writer.put(line(status=number + 2))
    reader.reading.set()
    writer.close()
    assert [one["status"] for one in reader.lines[:-1]] == list(range(1, 12))
    assert reader.lines[-1]["lost"] == 90


def test_a_reader_who_never_reads_does_not_hold_the_end() -> None:
    reader = Reader(reads=False)
    writer = Writer(as_json, reader)
    writer.put(line(status=1), urgent=True)
    writer.close(0.05)
    assert not reader.said
    reader.reading.set()


def test_who_has_gone_costs_lines_and_nothing_else() -> None:
    said: list[bytes] = []

    def gone(data: bytes) -> None:
        said.append(data)
        if len(said) == 1:
            raise BrokenPipeError

    writer = Writer(as_json, gone)
    writer.put(line(status=1), urgent=True)
    while not said:
        time.sleep(0.001)
    writer.put(line(status=2))
    writer.close()
    assert json.loads(said[1].splitlines()[0])["status"] == 2
    assert json.loads(said[1].splitlines()[1])["lost"] == 1


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="needs pipes of Linux")
def test_a_pipe_gets_whole_lines_at_once() -> None:
    """Else the lines of several workers on one pipe would run into each other."""
    reading, writing = os.pipe2(os.O_DIRECT)  # what is written at once is read at once
    pieces: list[bytes] = []
    with open(writing, "w") as stream:  # noqa: PTH123 - a descriptor
        sink = sink_of(stream)
        data = b"".join(b"%03d" % number + b"x" * 696 + b"\n" for number in range(20))
        sink(data)
    while piece := os.read(reading, 4096):
        pieces.append(piece)
    os.close(reading)
    assert b"".join(pieces) == data
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_what_was_said_is_written_when_the_process_ends() -> None:
    code = (
        "import sys\n"
        "from gateway.telemetry.logs import open_log\n"
        "import logging\n"
        "open_log(sys.stderr)\n"
        "logging.getLogger('gateway').info('the last words')\n"
        "raise SystemExit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)  # noqa: S603 - our own code
    assert ended.returncode == 3
    assert json.loads(ended.stderr)["message"] == "the last words"


# --- what is said through `logging` -----------------------------------------------------------


@contextmanager
def logged(**options: object) -> Iterator[tuple[Log, io.StringIO]]:
    stream = io.StringIO()
    log = open_log(stream, **options)  # type: ignore[arg-type]
    try:
        yield log, stream
    finally:
        close_log(log)


def said(log: Log, stream: io.StringIO) -> list[dict[str, object]]:
    close_log(log)
    return [json.loads(one) for one in stream.getvalue().splitlines()]


def test_all_else_that_is_said_has_the_same_form_and_the_calls_id() -> None:
    with logged() as (log, stream):
        token = current.set("c0ffee")
        try:
            raise ValueError("with\na line \x1b[31m")
        except ValueError:
            logging.getLogger("gateway").exception("call %s failed\nno", "c0ffee")
        current.reset(token)
        logging.getLogger("another").warning("of a library")
        own, other = said(log, stream)
    assert own["call_id"] == "c0ffee"
    assert own["level"] == "error"
    assert own["message"] == "call c0ffee failed\\nno"
    assert "ValueError: with\na line \\x1b[31m" in str(own["exception"])
    assert "call_id" not in other
    assert other["logger"] == "another"


def test_a_record_that_cannot_be_written_is_told_without_what_it_held() -> None:
    with logged() as (log, stream):
        handler = logging.getLogger().handlers[-1]
        handler.handle(logging.LogRecord("x", logging.INFO, "file.py", 7, "%d", ("secret",), None))
        (one,) = said(log, stream)
    assert one["message"] == "what file.py:7 said could not be written: TypeError"


def test_secrets_are_taken_out_of_what_is_said() -> None:
    with logged() as (log, stream):
        log.mask = lambda text: text.replace("hunter2", "***")
        try:
            raise ValueError("https://upstream.example/?key=hunter2")
        except ValueError:
            logging.getLogger("gateway").exception("with %s", "hunter2")
        assert "hunter2" not in json.dumps(said(log, stream))
        assert "key=***" in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "own", "foreign"),
    [("debug", 4, 3), ("info", 3, 3), ("warning", 2, 2), ("error", 1, 1)],
)
def test_a_level_holds_for_us_and_libraries_say_no_more_than_info(
    level: str, own: int, foreign: int
) -> None:
    with logged(level=level) as (log, stream):
        for name in ("gateway", "aiohttp.server"):
            logger = logging.getLogger(name)
            logger.debug("1")
            logger.info("2")
            logger.warning("3")
            logger.error("4")
        lines = said(log, stream)
    assert len([one for one in lines if "logger" not in one]) == own
    assert len([one for one in lines if "logger" in one]) == foreign


def call(log: Log, status: int = 200) -> None:
    log.call("0" * 20, Operation(), "http", "GET", status, "ok", 0.0123, address="203.0.113.9")


def test_a_call_has_its_line_at_the_level_of_what_came_of_it() -> None:
    with logged() as (log, stream):
        for status in (200, 404, 500, 502):
            call(log, status)
        levels = [one["level"] for one in said(log, stream)]
    assert levels == ["info", "info", "error", "warning"]


def test_calls_below_the_level_have_none() -> None:
    with logged(level="warning") as (log, stream):
        call(log, 200)
        call(log, 502)
        assert [one["status"] for one in said(log, stream)] == [502]


def test_no_leaves_out_the_calls_and_nothing_else() -> None:
    with logged(kind="no") as (log, stream):
        call(log, 502)
        logging.getLogger("gateway").warning("all the same")
        assert [one["message"] for one in said(log, stream)] == ["all the same"]


def test_lines_of_all_kinds_go_into_one_log_in_their_order() -> None:
    lines: list[Line] = [line(status=1), Record("2026-11-21T18:57:55.123Z", "info", "x")]
    assert len(as_json(lines).splitlines()) == 2
    assert len(as_text(lines).splitlines()) == 2
