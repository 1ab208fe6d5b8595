"""Entries and addresses for tests of the stores."""

from __future__ import annotations

from gateway.caching.entries import Entry, Facts
from gateway.caching.key import Address
from gateway.values import Headers, Reply

URL = "http://upstream.example/things"


def entry(
    body: bytes = b"{}",
    *,
    status: int = 200,
    lifetime: float = 60.0,
    headers: Headers = (("Content-Type", "application/json"),),
    since: float = 1000.0,
) -> Entry:
    facts = Facts(since, 0.0, lifetime, since + lifetime, since)
    return Entry(Reply(status, headers, body, since), facts)


def at(
    url: str = URL, *, plugin: str = "p", partition: bytes = b"x" * 16, more: str = ""
) -> Address:
    return Address(plugin, url, partition, more)


def bodies(entries: tuple[Entry, ...]) -> list[bytes]:
    return [one.reply.body for one in entries]
