"""The smallest driver of the rules: no tasks, no bounds, one partition. For tests of the rules.

A request begins, and later its reply comes; between the two anything may happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.caching.deciding import (
    added,
    address,
    answered,
    conditional,
    freshened_by_head,
    instead,
    invalidated,
    joined,
    may_store,
    named,
    refreshed,
    refreshing,
    reuse,
    storable_headers,
    unconditional,
)
from gateway.caching.entries import (
    Caching,
    Complete,
    Decision,
    Entry,
    Fetch,
    NotStored,
    OnlyIfCached,
    Serve,
    Stored,
    Validate,
)
from gateway.caching.meanwhile import meanwhile
from gateway.values import Reply, UpstreamRequest

Address = tuple[str, str]


@dataclass(frozen=True)
class Flight:
    """A request on its way upstream. `asked` is the caller's, `out` what was sent."""

    asked: UpstreamRequest
    out: UpstreamRequest
    decision: Decision
    sent: float
    generation: int


@dataclass(frozen=True)
class Answered:
    """What the caller got, and where from. `aside` is a refresh that is to be sent as well."""

    reply: Reply
    decision: Decision
    stored: bool = False  # out of storage, as it was when the request began
    outcome: Stored | NotStored | None = None
    aside: Flight | None = None


FAILED = Reply(502, (), b"")


@dataclass
class Cache:
    """What is stored, by address. `serves_late`: `Caching.stale` acts while it is asked anew."""

    caching: Caching
    serves_late: bool = False
    entries: dict[Address, tuple[Entry, ...]] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)

    def begin(self, request: UpstreamRequest, now: float) -> Answered | Flight:
        at = address(request, self.caching)
        stored = self.entries.get(at, ()) if at is not None else ()
        decision = reuse(stored, request, now, self.caching) if at else Fetch("method")
        if self.serves_late:
            decision = meanwhile(decision, now, self.caching)
        if isinstance(decision, Serve):
            aside = None
            if decision.refresh:
                asked = unconditional(request)
                aside = self._flight(asked, refreshing(decision.entry, asked), now)
            got = answered(decision.entry, request, decision.age)
            return Answered(got, decision, stored=True, aside=aside)
        if isinstance(decision, OnlyIfCached):
            return Answered(Reply(504, (), b""), decision)
        return self._flight(request, decision, now)

    def _flight(self, asked: UpstreamRequest, decision: Decision, now: float) -> Flight:
        out = asked
        if isinstance(decision, Validate | Complete):
            out = conditional(asked, decision.headers)
        return Flight(asked, out, decision, now, self.generations.get(asked.url, 0))

    def arrive(self, flight: Flight, reply: Reply | None, now: float) -> Answered | Flight:
        """None: there was no answer."""
        asked, out, decision = flight.asked, flight.out, flight.decision
        caching, sent = self.caching, flight.sent
        entry = None if isinstance(decision, Serve | OnlyIfCached) else decision.entry
        status = None if reply is None else reply.status
        served = instead(entry, asked, status, now, caching)
        if served is not None:
            return Answered(answered(served.entry, asked, served.age), served, stored=True)
        if reply is None:
            return Answered(FAILED, decision)
        news = None
        if isinstance(decision, Validate) and status == 304:
            which = named(decision.entries, reply)
            if which is not None:
                news = refreshed(which, asked, reply, sent, now, caching)
        elif isinstance(decision, Complete) and status == 206:
            news = joined(decision.entry, asked, reply, sent, now, caching)
        if news is not None:
            if news.keep:
                self._store(flight, news.entry)
            age = news.entry.facts.initial_age
            return Answered(answered(news.entry, asked, age), decision)
        if (isinstance(decision, Validate) and status == 304) or (
            isinstance(decision, Complete) and status in (206, 416)
        ):
            whole = unconditional(asked)
            return replace(flight, out=whole, decision=Fetch("stale"), sent=now)
        if asked.method == "HEAD":
            at = address(asked, caching)
            if at is not None and self._is_current(flight):
                self.entries[at] = freshened_by_head(
                    self.entries.get(at, ()), asked, reply, sent, now, caching
                )
        for url in invalidated(out, reply, caching):
            self.forget(url)
            flight = replace(flight, generation=self.generations[asked.url])
        outcome = may_store(out, reply, sent, now, caching)
        if isinstance(outcome, Stored):
            self._store(flight, outcome.entry, outcome.as_get)
        got = replace(reply, headers=storable_headers(reply.headers))
        return Answered(got, decision, outcome=outcome)

    def _is_current(self, flight: Flight) -> bool:
        return self.generations.get(flight.asked.url, 0) == flight.generation

    def _store(self, flight: Flight, entry: Entry, as_get: bool = False) -> None:
        at = (flight.asked.url, "") if as_get else address(flight.asked, self.caching)
        if at is not None and self._is_current(flight):
            self.entries[at] = added(self.entries.get(at, ()), entry)

    def forget(self, url: str) -> None:
        self.generations[url] = self.generations.get(url, 0) + 1
        for at in [at for at in self.entries if at[0] == url]:
            del self.entries[at]
