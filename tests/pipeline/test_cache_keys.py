"""What tells stored replies apart: all that may change a reply, and whose call it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.caching.entries import Caching
from gateway.caching.key import Address, partition_of
from gateway.config import read_configs
from gateway.pipeline.cache_keys import asking, placing
from gateway.pipeline.call import Call
from gateway.plugin import Plugin, build
from gateway.request import prove
from gateway.values import Caller, Headers, UpstreamRequest

SECRET = b"s" * 32
URL = "https://h/x?a=1&b=2"


def plugin(tmp_path: Path, extra: str = "") -> Plugin:
    file = tmp_path / "p.yaml"
    file.write_text(
        "plugin: p\nupstream: {url: 'https://h', forward: [Accept-Language, X-Key]}\n"
        f"operations: {{x: {{call: GET /x}}}}\n{extra}"
    )
    [loaded] = read_configs([file], {"KEY": "operators-key"})
    return build(loaded, None)


def place(
    made: Plugin,
    url: str = URL,
    headers: Headers = (),
    caller: Caller | None = None,
    address: str = "192.0.2.1",
    secret: bytes = SECRET,
    **forwarded: str,
) -> Address:
    operation = made.operations["x"]
    proof = prove(made.config.upstream.credential)
    call = Call({}, {key.replace("_", "-"): value for key, value in forwarded.items()}, address)
    call.caller = caller
    found = placing(operation, made, proof, secret)(call, UpstreamRequest("GET", url, headers))
    assert found is not None
    return found


def test_everything_that_may_change_a_reply_is_in_the_key(tmp_path: Path) -> None:
    made = plugin(tmp_path)
    one = place(made, headers=(("X-A", "1"),), Accept_Language="de")
    assert one == place(made, headers=(("X-A", "1"),), Accept_Language="de")
    others = [
        place(made, "https://h/x?b=2&a=1", (("X-A", "1"),), Accept_Language="de"),
        place(made, headers=(("X-A", "1"),), Accept_Language="en"),
        place(made, headers=(("X-A", "1"),), X_Key="de"),
        place(made, headers=(("X-A", "1"),), Accept_Language="de", X_Key=""),
        place(made, headers=(("X-A", "2"),), Accept_Language="de"),
        place(made, Accept_Language="de"),
        place(made, headers=(("X-A", "1"),)),
    ]
    assert len({one, *others}) == len(others) + 1


@pytest.mark.parametrize(
    "other", ["https://h/~x", "https://h/%7Ex", "https://h/~x?", "https://h/~X"]
)
def test_urls_that_may_mean_the_same_are_not_the_same(tmp_path: Path, other: str) -> None:
    """Section 4: what counts upstream is the upstream's to say."""
    urls = ["https://h/~x", "https://h/%7Ex", "https://h/%7ex", "https://h/~x?", "https://h/~X"]
    made = plugin(tmp_path)
    assert sum(place(made, url) == place(made, other) for url in urls) == 1


def test_a_key_tells_nobody_a_secret(tmp_path: Path) -> None:
    made = plugin(tmp_path, "auth: {user: {}}\n")
    ada = Caller("1", "Bearer hunter2")
    text = repr(place(made, caller=ada, X_Key="hunter3"))
    assert "hunter2" not in text
    assert "hunter3" not in text
    assert place(made, caller=ada) == place(made, caller=ada)
    assert place(made, caller=ada) != place(made, caller=Caller("1", "Bearer hunter3"))
    assert place(made, caller=ada) != place(made, caller=ada, secret=b"t" * 32)


def test_partitions_of_credentials_are_apart() -> None:
    mine = partition_of(b"Bearer hunter2", SECRET)
    assert mine == partition_of(b"Bearer hunter2", SECRET)
    assert len({mine, partition_of(b"Bearer hunter3", SECRET), partition_of(b"", SECRET)}) == 3


def test_plugins_their_settings_and_credentials_are_apart(tmp_path: Path) -> None:
    one = plugin(tmp_path)
    others = [
        plugin(tmp_path, "cache: 1m\n"),
        replace(one, config=plugin(tmp_path).config.__class__(plugin="q", operations="all")),
        replace(one, base="https://other"),
    ]
    assert len({place(made) for made in [one, *others]}) == 4


def test_callers_are_apart_where_it_is_said(tmp_path: Path) -> None:
    """By who they proved to be, else by where they call from."""
    all_share = plugin(tmp_path)
    apart = plugin(tmp_path, "cache: {shared_by: caller}\n")
    for made, count in ((all_share, 1), (apart, 4)):
        found = {
            place(made),
            place(made, address="192.0.2.2"),
            place(made, caller=Caller("ada")),
            place(made, caller=Caller("bob")),
        }
        assert len(found) == count


def test_the_rules_see_what_the_upstream_sees_of_a_caller(tmp_path: Path) -> None:
    made = plugin(tmp_path)
    operation = replace(made.operations["x"], caching=Caching(obey_caller=True))
    apart = replace(operation, by_caller=True)
    said = {"Accept-Language": "de", "Cache-Control": "no-cache", "X-Other": "1"}
    call = Call({}, said, "192.0.2.1", caller=Caller("1", "Bearer k"))
    request = UpstreamRequest("GET", URL)
    assert asking(operation, made)(call, request).headers == (
        ("Accept-Language", "de"),
        ("Cache-Control", "no-cache"),
        ("Authorization", "Bearer k"),
    )
    assert asking(made.operations["x"], made)(call, request).headers == (
        ("Accept-Language", "de"),
        ("Authorization", "Bearer k"),
    )
    assert ("Authorization", "Bearer k") not in asking(apart, made)(call, request).headers
