from __future__ import annotations

import gc

from gateway.care import Upstreams


def test_the_same_plugin_at_the_same_origin_finds_its_state_again() -> None:
    upstreams: Upstreams[int] = Upstreams()
    one = upstreams.of("a", "http://up", 8)
    assert upstreams.of("a", "http://up", 8) is one
    others = [
        upstreams.of("b", "http://up", 8),
        upstreams.of("a", "http://other", 8),
        upstreams.of("a", "http://up", 9),
    ]
    assert one not in others
    assert len({id(each) for each in others}) == 3


def test_what_no_plan_asks_any_more_is_forgotten() -> None:
    upstreams: Upstreams[int] = Upstreams()
    kept = upstreams.of("a", "http://up", 8)
    for number in range(100):
        upstreams.of("a", f"http://{number}", 8)
    gc.collect()
    assert len(upstreams) == 1
    assert upstreams.of("a", "http://up", 8) is kept
