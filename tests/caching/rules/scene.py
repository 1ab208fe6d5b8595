"""Scenes for the rules of caching: what callers ask, what the upstream says, what must come of it.

Headers are texts, `Name: value`. `@-300` in a value is the date 300 seconds before now. Between
two steps three seconds pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gateway.caching.dates import date_text
from gateway.caching.entries import Caching
from gateway.values import Headers, Reply, UpstreamRequest
from tests.caching.driven import Answered, Cache, Flight

NOW = 1_800_000_000.0
PAUSE = 3.0
URL = "https://api.example/things"
# A cache of the plain RFC that may guess lifetimes and heeds callers.
PLAIN = Caching(heuristic=True, obey_caller=True)


class Is(Enum):
    """Where an answer must come from."""

    REUSED = "out of storage"
    FETCHED = "the upstream's, asked for the whole"
    ASKED = "the stored one, confirmed by a 304"


@dataclass(frozen=True)
class Step:
    """A request and what must come of it.

    `reply` are the upstream's headers, `body` its body; `gone` breaks the connection. `out` are
    headers that must be sent upstream, `got` and `lacks` headers (or names) of the answer,
    `text` its body, `answer` its status where that is not the upstream's.
    """

    wants: Is | None = None
    reply: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    method: str = "GET"
    url: str = URL
    sends: bytes | None = None
    status: int = 200
    body: bytes = b"whole"
    gone: bool = False
    out: tuple[str, ...] = ()
    got: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    text: bytes | None = None
    answer: int | None = None


def headers(lines: Iterable[str], now: float) -> Headers:
    """The pairs of such lines."""
    pairs = []
    for line in lines:
        name, _, value = line.partition(":")
        dated = re.sub(r"@([+-]?\d+)", lambda found: date_text(now + int(found[1])), value)
        pairs.append((name, dated.strip(" ")))
    return tuple(pairs)


def play(*steps: Step, caching: Caching = PLAIN) -> list[Answered]:
    """Play a scene; fails where a step does not come out as it must."""
    cache, now, answers = Cache(caching), NOW, []
    for number, step in enumerate(steps):
        sent: list[UpstreamRequest] = []
        request = UpstreamRequest(step.method, step.url, headers(step.ask, now), step.sends)
        got = cache.begin(request, now)
        got = _fly(cache, got, step, number, now, sent)
        if got.aside is not None:
            _fly(cache, got.aside, step, number, now, sent)
        _check(step, number, now, got, sent)
        answers.append(got)
        now += PAUSE
    return answers


def _fly(
    cache: Cache,
    got: Answered | Flight,
    step: Step,
    number: int,
    now: float,
    sent: list[UpstreamRequest],
) -> Answered:
    while isinstance(got, Flight):
        sent.append(got.out)
        ours = headers(step.reply, now)
        no_body = step.method == "HEAD" or step.status in (204, 304)
        body = b"" if no_body else step.body
        reply = Reply(step.status, (*ours, ("Made", str(number))), body, now)
        got = cache.arrive(got, None if step.gone else reply, now)
    return got


def _check(step: Step, number: int, now: float, got: Answered, sent: list[UpstreamRequest]) -> None:
    reply = got.reply
    where = f"step {number}: {got.decision} {got.outcome}"
    if step.wants is Is.REUSED:
        assert got.stored, where
        assert reply.header("Age") is not None, where
    elif step.wants is Is.FETCHED:
        assert not got.stored, where
        assert sent, where
        assert reply.header("Made") == str(number), where
    elif step.wants is Is.ASKED:
        assert step.status == 304, "the upstream must say so"
        assert not got.stored, where
        assert len(sent) == 1, where
    if step.wants is not Is.REUSED:
        for name, value in headers(step.out, now):
            assert (name, value) in sent[0].headers, (where, sent[0].headers)
    if step.answer is not None:
        assert reply.status == step.answer, where
    elif step.wants is Is.ASKED:
        assert reply.status == 200, where
    for line in step.got:
        if ":" in line:
            assert headers([line], now)[0] in reply.headers, (where, reply.headers)
        else:
            assert reply.header(line) is not None, where
    for name in step.lacks:
        assert reply.header(name) is None, where
    if step.text is not None:
        assert reply.body == step.text, where


def twice(
    wants: Is,
    *reply: str,
    ask: tuple[str, ...] = (),
    again: tuple[str, ...] | None = None,
    status: int = 200,
) -> tuple[Step, ...]:
    """The same asked twice, or `again` with other headers; the first reply has these headers."""
    second = Step(wants, reply=reply, ask=ask if again is None else again, status=status)
    return Step(reply=reply, ask=ask, status=status), second
