from __future__ import annotations

from gateway.caching import cache_key, partition_of

SECRET = b"s" * 32


def test_whatever_may_change_the_reply_makes_another_key() -> None:
    one = cache_key("https://h/x?a=1&b=2", ("de", None), b"p", (("X-A", "1"),))
    assert one == cache_key("https://h/x?a=1&b=2", ("de", None), b"p", (("X-A", "1"),))
    others = [
        cache_key("https://h/x?b=2&a=1", ("de", None), b"p", (("X-A", "1"),)),
        cache_key("https://h/x?a=1&b=2", ("en", None), b"p", (("X-A", "1"),)),
        cache_key("https://h/x?a=1&b=2", (None, "de"), b"p", (("X-A", "1"),)),
        cache_key("https://h/x?a=1&b=2", ("de", ""), b"p", (("X-A", "1"),)),
        cache_key("https://h/x?a=1&b=2", ("de", None), b"q", (("X-A", "1"),)),
        cache_key("https://h/x?a=1&b=2", ("de", None), b"p", (("X-A", "2"),)),
        cache_key("https://h/x?a=1&b=2", ("de", None), b"p"),
    ]
    assert len({one, *others}) == 1 + len(others)


def test_a_partition_tells_credentials_apart_without_telling_them() -> None:
    mine = partition_of(b"Bearer hunter2", SECRET)
    assert mine == partition_of(b"Bearer hunter2", SECRET)
    assert len({mine, partition_of(b"Bearer hunter3", SECRET), partition_of(b"", SECRET)}) == 3
    assert mine != partition_of(b"Bearer hunter2", b"t" * 32), "another process, another digest"
    assert b"hunter2" not in mine
