"""`python -m bench policy`: what the decision costs that a stored reply answers a call.

The decision alone (`caching.deciding.reuse`), as the cache's driver asks for it with every call:
what was read of the reply when it was stored is not read again. The figure is the best of the
rounds, in CPU time; the cases take turns.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click
from rich.console import Console

from gateway.caching.dates import date_text
from gateway.caching.deciding import added, may_store, reuse
from gateway.caching.entries import Caching, Entry, Serve, Stored
from gateway.values import Headers, Reply, UpstreamRequest

GOAL = 5.0
NOW = 1_800_000_000.0
URL = "https://api.example/things?page=1"
CACHING = Caching(ttl=60.0, shared=True)
# What a gateway in front of an API may have to forward, and what varies by some of it.
HEADERS: Headers = (
    ("Accept", "application/json"),
    ("Accept-Language", "de-DE, de;q=0.9, en;q=0.5"),
    ("Authorization", "Bearer any-token-of-an-ordinary-length-4f2d"),
    ("X-Request-Id", "3f8a0c1e-9d5b-4a51-8f0e-5a7d7c1b2a3e"),
    ("X-Tenant", "springfield"),
    ("X-Units", "metric"),
)
_CALLS = 5000  # of a round: some ten milliseconds


@dataclass(frozen=True)
class Case:
    """Stored replies of one address, and the request that is answered from them."""

    name: str
    entries: tuple[Entry, ...]
    request: UpstreamRequest
    caching: Caching


@dataclass(frozen=True)
class Figure:
    """Microseconds of CPU for a decision."""

    name: str
    us: float
    goal: float = GOAL


@click.command("policy")
@click.option("--rounds", default=30, show_default=True, help="How often each has its turn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(rounds: int, as_json: bool) -> None:
    """Measure the decision that a stored reply answers a call."""
    found = measure(rounds)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found]))
        return
    out = Console(highlight=False)
    out.print(f"µs of CPU per decision, goal ≤ {GOAL:g}:")
    for one in found:
        colour = "green" if one.us <= one.goal else "red"
        out.print(f"  [{colour}]{one.us:5.2f}[/{colour}]  {one.name}")


def measure(rounds: int) -> list[Figure]:
    """Let all take turns, so that whatever else the machine does meets all of them."""
    found = cases()
    best = dict.fromkeys((case.name for case in found), float("inf"))
    for _ in range(rounds):
        for case in found:
            best[case.name] = min(best[case.name], _taken(case))
    return [Figure(name, us) for name, us in best.items()]


def cases() -> list[Case]:
    """What is measured; each is a hit.

    Raises:
        click.ClickException: one is not, so nothing would be measured.
    """
    plain = _request(())
    six = _request(HEADERS)
    asking = dataclasses.replace(CACHING, obey_caller=True)
    eager = _request((*HEADERS[:5], ("Cache-Control", "max-age=300")))
    of_kinds = [_request((*HEADERS[1:], ("Accept", f"text/x-{n}"))) for n in range(16)]
    found = [
        Case("plain", _stored([plain]), plain, CACHING),
        Case("six headers", _stored([six]), six, CACHING),
        Case("six headers, three in Vary", _stored([six], _VARY), six, CACHING),
        Case("the same, the caller obeyed", _stored([eager], _VARY), eager, asking),
        Case("16 variants, the newest", _stored(of_kinds, _VARY), of_kinds[-1], CACHING),
        Case("16 variants, in the middle", _stored(of_kinds, _VARY), of_kinds[8], CACHING),
        Case("16 variants, the oldest", _stored(of_kinds, _VARY), of_kinds[0], CACHING),
    ]
    for case in found:
        decision = reuse(case.entries, case.request, NOW + 1, case.caching)
        if not isinstance(decision, Serve) or decision.stale:
            raise click.ClickException(f"{case.name} is no hit: nothing would be measured")
    return found


_VARY = ("Vary", "Accept, Accept-Language, X-Units")


def _request(headers: Headers) -> UpstreamRequest:
    return UpstreamRequest("GET", URL, headers)


def _stored(requests: Sequence[UpstreamRequest], *headers: tuple[str, str]) -> tuple[Entry, ...]:
    """What is stored after these were asked one after the other."""
    said = (("Content-Type", "application/json"), ("Date", date_text(NOW)), ("ETag", '"1"'))
    reply = Reply(200, (*said, *headers), b"{}", NOW)
    entries: tuple[Entry, ...] = ()
    for request in requests:
        stored = may_store(request, reply, NOW, NOW, CACHING)
        if isinstance(stored, Stored):
            entries = added(entries, stored.entry)
    return entries


def _taken(case: Case) -> float:
    """CPU microseconds of one decision."""
    entries, request, caching, now = case.entries, case.request, case.caching, NOW + 1
    start = time.process_time()
    for _ in range(_CALLS):
        reuse(entries, request, now, caching)
    return (time.process_time() - start) / _CALLS * 1e6
