"""What `cache` and `purges` may hold, and what is said where a setting cannot act."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.caching.entries import Caching
from gateway.config import read_configs
from gateway.errors import Mistakes
from gateway.plugin import Plugin, build

TEXT = """\
plugin: a
contact: a@example.com
upstream: {{url: 'https://h'}}
{extra}
operations:
  get: {{call: GET /x{get}}}
  post: {{call: POST /x{post}}}
"""


def made(tmp_path: Path, extra: str = "", get: str = "", post: str = "") -> Plugin:
    file = tmp_path / "a.yaml"
    more = [f", {one}" if one else "" for one in (get, post)]
    file.write_text(TEXT.format(extra=extra, get=more[0], post=more[1]))
    [loaded] = read_configs([file], {})
    return build(loaded, None)


def test_the_long_form_says_all(tmp_path: Path) -> None:
    cache = (
        "cache: {ttl: 1m, stale: 10m, override: true, heuristic: true, obey_caller: true, "
        "shared_by: caller}"
    )
    one = made(tmp_path, cache).operations["get"]
    assert one.caching == Caching(60.0, 600.0, True, True, True, False, True)
    assert (one.cache, one.by_caller) == (60.0, True)


@pytest.mark.parametrize(
    ("cache", "ttl", "stored"), [("1m", 60.0, True), ("no", None, False), ("{}", None, True)]
)
def test_the_short_form_is_its_ttl(
    tmp_path: Path, cache: str, ttl: float | None, stored: bool
) -> None:
    for extra, get in ((f"cache: {cache}", ""), ("cache: 5s", f"cache: {cache}")):
        one = made(tmp_path, extra, get).operations["get"]
        assert one.caching.ttl == ttl
        assert (one.cache != 0.0) is stored


def test_an_operations_word_replaces_the_plugins_whole(tmp_path: Path) -> None:
    one = made(tmp_path, "cache: {ttl: 1m, stale: 10m}", "cache: 5s").operations["get"]
    assert (one.caching.ttl, one.caching.stale) == (5.0, None)


@pytest.mark.parametrize(
    ("extra", "shared", "by_caller"),
    [
        ("", True, False),
        ("auth: {service: {tokens: {a: topsecret-1}}}", True, False),
        ("auth: {user: {}}", False, True),
        ("auth: {user: {}}\ncache: {shared_by: everyone}", False, False),
        ("cache: {shared_by: caller}", True, True),
    ],
)
def test_callers_with_keys_of_their_own_are_apart_unless_it_is_said(
    tmp_path: Path, extra: str, shared: bool, by_caller: bool
) -> None:
    one = made(tmp_path, extra).operations["get"]
    assert (one.caching.shared, one.by_caller) == (shared, by_caller)


@pytest.mark.parametrize(
    ("extra", "get", "post", "said"),
    [
        ("cache: {override: true}", "", "", "cache.override: override puts ttl above"),
        ("cache: {ttl: no, stale: 1m}", "", "", "cache.stale: ttl: no turns storing off"),
        ("cache: {post: true}", "", "", "cache.post: says that a POST only reads"),
        ("", "cache: {post: true}", "", "get.cache.post: get is a GET"),
        ("", "", "cache: 1m", "write {ttl, post: true}"),
        ("", "", "purges: [gett]", "no operation 'gett' is served; did you mean 'get'?"),
        ("", "purges: [post]", "", "get is a GET, which changes nothing"),
        ("cache: 1 day", "", "", "expected a duration such as 30s"),
        ("cache: {ttl: 1m, shared_by: all}", "", "", "'all' is not one of caller, everyone"),
        ("cache: {tll: 1m}", "", "", "did you mean 'ttl'?"),
    ],
)
def test_what_cannot_act_is_a_mistake(
    tmp_path: Path, extra: str, get: str, post: str, said: str
) -> None:
    with pytest.raises(Mistakes) as found:
        made(tmp_path, extra, get, post)
    assert said in str(found.value)


def test_a_lifetime_that_hardly_acts_is_doubted(tmp_path: Path) -> None:
    plugin = made(tmp_path, "auth: {user: {}}\ncache: {ttl: 1m, shared_by: everyone}")
    assert any("idle for most replies" in one.message for one in plugin.warnings)


def test_what_is_purged_is_known(tmp_path: Path) -> None:
    plugin = made(tmp_path, post="purges: [get]")
    assert plugin.operations["post"].purges == ("get",)
    assert [one.name for one in plugin.operations.values() if one.purged] == ["get"]
