"""The driver of `gateway.care`, with a scripted upstream and a clock that is set."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.care import Upstream
from gateway.care.breaker import FEW, FIRST
from gateway.config import read_configs
from gateway.config.scalars import Rate
from gateway.errors import (
    CredentialRefused,
    Refusal,
    ReplyTooLarge,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamLimited,
    UpstreamTimeout,
)
from gateway.limits.memory import MemoryLimiter
from gateway.pipeline.call import Call
from gateway.pipeline.care import step
from gateway.pipeline.care_quota import quota_of
from gateway.plugin import build
from gateway.telemetry.counted import UpstreamCounts
from gateway.values import Reply

PLUGIN = """
plugin: shop
upstream: {{url: "http://a.example"{upstream}}}
{more}
operations:
  getItem: {{call: GET /item, description: One.}}
  putItem: {{call: PUT /item, description: Change.}}
  addItem: {{call: POST /item, description: Add.}}
"""

Said = Reply | Refusal | asyncio.Event


def reply(status: int = 200, **headers: str) -> Reply:
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, told, b"{}")


def failed(fault: str) -> UpstreamFailed:
    refusal = UpstreamFailed("It failed.")
    refusal.fault = fault
    return refusal


def late(fault: str) -> UpstreamTimeout:
    refusal = UpstreamTimeout("It is late.")
    refusal.fault = fault
    return refusal


class Cared:
    """The step of one operation around an upstream that says what is scripted, and then 200."""

    def __init__(
        self,
        directory: Path,
        *script: Said,
        upstream: str = "",
        more: str = "",
        operation: str = "getItem",
        in_flight: int = 128,
    ) -> None:
        file = directory / "shop.yaml"
        file.write_text(PLUGIN.format(upstream=upstream, more=more))
        [loaded] = read_configs([file], {"KEY": "k"})
        plugin = build(loaded, None)
        self.script = list(script)
        self.otherwise: Said | None = None
        self.asked = 0
        self.passed = 0.0
        self.upstream: Upstream[asyncio.Future[None]] = Upstream(in_flight)
        self.counts = UpstreamCounts()
        self.limiter = MemoryLimiter(self.steady)
        one = plugin.operations[operation]
        self.request = one.build({}, {})
        self.source = step(
            one,
            plugin,
            self.upstream,
            quota_of(plugin, self.limiter),
            self.counts,
            self.steady,
            time.time,
            self._try,
        )

    def steady(self) -> float:
        return time.monotonic() + self.passed

    async def _try(self, call: Call, until: float) -> Reply:
        assert call.request is self.request
        self.asked += 1
        said = self.script.pop(0) if self.script else self.otherwise
        if isinstance(said, asyncio.Event):
            try:
                async with asyncio.timeout_at(until):
                    await said.wait()
            except TimeoutError:
                raise late("total") from None
            return reply()
        if isinstance(said, Refusal):
            try:
                raise said
            finally:
                said = None  # a frame that holds its own error is the collector's
        return said or reply()

    def call(self) -> Call:
        return Call({}, {}, "127.0.0.1", request=self.request)

    async def __call__(self) -> Reply:
        return await self.source(self.call())

    async def refusal(self) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self()
        return caught.value

    async def fails(self, times: int) -> None:
        for _ in range(times):
            self.script = [late("silent")]
            await self.refusal()

    @property
    def places(self) -> tuple[int, int]:
        return self.upstream.places.taken, self.upstream.places.waiting


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def begun(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(coroutine)


# --- what is asked again ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_read_that_failed_is_asked_again(tmp_path: Path, status: int) -> None:
    cared = Cared(tmp_path, reply(status), reply(status))
    call = cared.call()
    assert (await cared.source(call)).status == 200
    assert (cared.asked, call.note.tries) == (3, 3)
    assert call.note.upstream > 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 501, 505])
async def test_what_another_try_does_not_change_is_not_asked_again(
    tmp_path: Path, status: int
) -> None:
    cared = Cared(tmp_path, reply(status))
    assert (await cared()).status == status
    assert cared.asked == 1


@pytest.mark.parametrize(
    ("operation", "upstream", "said", "asked"),
    [
        ("getItem", "", "cut", 3),
        ("getItem", ", retries: 1", "cut", 2),
        ("getItem", ", retries: no", "cut", 1),
        ("getItem", ", retries: 0", "connect", 1),
        ("getItem", "", "garbled", 1),
        ("getItem", "", "tls", 1),
        ("putItem", "", "cut", 1),
        ("putItem", ", retries: 2", "cut", 3),
        ("addItem", ", retries: 2", "cut", 1),
        ("addItem", "", "connect", 3),
        ("addItem", ", retries: no", "connect", 1),
    ],
)
async def test_failures_are_repeated_as_the_method_allows(
    tmp_path: Path, operation: str, upstream: str, said: str, asked: int
) -> None:
    cared = Cared(tmp_path, operation=operation, upstream=upstream)
    cared.otherwise = failed(said)
    assert isinstance(await cared.refusal(), UpstreamFailed)
    assert cared.asked == asked


async def test_an_operations_retries_stand_in_for_the_upstreams(tmp_path: Path) -> None:
    more = "limit: no"
    cared = Cared(tmp_path, upstream=", retries: 5", more=more)
    file = tmp_path / "shop.yaml"
    text = file.read_text().replace("GET /item,", "GET /item, retries: no,")
    file.write_text(text)
    [loaded] = read_configs([file], {})
    assert build(loaded, None).operations["getItem"].retries == "no"
    assert build(loaded, None).operations["putItem"].retries == 5
    assert cared.asked == 0


async def test_a_silent_upstream_is_not_asked_again(tmp_path: Path) -> None:
    cared = Cared(tmp_path, late("silent"))
    assert isinstance(await cared.refusal(), UpstreamTimeout)
    assert cared.asked == 1


async def test_a_connection_that_took_too_long_is_tried_again_for_every_method(
    tmp_path: Path,
) -> None:
    cared = Cared(tmp_path, late("connect"), operation="addItem")
    assert (await cared()).status == 200
    assert cared.asked == 2


async def test_retry_after_is_waited_for_as_told(tmp_path: Path) -> None:
    cared = Cared(tmp_path, reply(503, Retry_After="1"))
    began = time.monotonic()
    assert (await cared()).status == 200
    assert time.monotonic() - began >= 0.99
    assert cared.asked == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_longer_retry_after_goes_to_the_caller_at_once(tmp_path: Path, status: int) -> None:
    cared = Cared(tmp_path, reply(status, Retry_After="60"))
    assert (await cared()).header("retry-after") == "60"
    assert cared.asked == 1
    assert cared.counts.withholds == {"after": 1}


async def test_nothing_is_begun_that_has_no_time_left(tmp_path: Path) -> None:
    cared = Cared(tmp_path, reply(503, Retry_After="2"), upstream=", timeout: 1s")
    assert (await cared()).status == 503
    assert cared.asked == 1


async def test_a_burst_of_failures_makes_a_tenth_more_requests(tmp_path: Path) -> None:
    cared = Cared(tmp_path, upstream=", retries: 10", in_flight=1000)
    cared.otherwise = reply(500)
    got = await asyncio.gather(*(cared() for _ in range(1000)))
    assert {one.status for one in got} == {500}
    assert 1000 < cared.asked <= 1100
    assert cared.counts.withholds["budget"] > 0
    assert cared.counts.tries == {"5xx": cared.asked}


# --- the breaker ------------------------------------------------------------------------------


async def test_an_upstream_that_fails_is_left_alone_and_then_tried_with_one_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    cared = Cared(tmp_path)
    await cared.fails(FEW)
    refusal = await cared.refusal()
    assert isinstance(refusal, UpstreamBusy)
    assert refusal.retry_after == FIRST
    assert cared.asked == FEW
    assert cared.counts.refusals == {"open": 1}
    cared.passed = FIRST
    slow = asyncio.Event()
    cared.script = [slow]
    probe = begun(cared())
    await until(lambda: cared.asked == FEW + 1)
    assert isinstance(await cared.refusal(), UpstreamBusy)  # one at a time
    slow.set()
    assert (await probe).status == 200
    assert (await cared()).status == 200
    assert cared.counts.changes == {"open": 1, "half_open": 1, "closed": 1}
    assert [record.getMessage() for record in caplog.records] == [
        f"shop: the upstream fails ({FEW} of {FEW} calls): it is not asked for 5 s",
        "shop: the upstream is tried again, with one call",
        "shop: the upstream answers again",
    ]


@pytest.mark.parametrize(
    "said",
    [reply(500), reply(404), reply(429, Retry_After="60"), ReplyTooLarge("x"), failed("")],
    ids=["500", "404", "429", "too large", "odd"],
)
async def test_an_upstream_that_answers_is_alive(tmp_path: Path, said: Said) -> None:
    cared = Cared(tmp_path, upstream=", retries: no")
    cared.otherwise = said
    for _ in range(3 * FEW):
        with suppress(Refusal):
            await cared()
    assert cared.asked == 3 * FEW


@pytest.mark.parametrize("said", [reply(502), reply(503), reply(504), failed("cut"),
                                  failed("connect"), failed("tls"), failed("garbled"),
                                  late("connect"), late("silent")])  # fmt: skip
async def test_an_upstream_that_does_not_is_left_alone(tmp_path: Path, said: Said) -> None:
    cared = Cared(tmp_path, upstream=", retries: no")
    cared.otherwise = said
    for _ in range(3 * FEW):
        with suppress(Refusal):
            await cared()
    assert cared.asked == FEW


async def test_a_call_without_a_token_says_nothing_of_the_upstream(tmp_path: Path) -> None:
    cared = Cared(tmp_path)
    cared.otherwise = CredentialRefused("No token.")
    for _ in range(2 * FEW):
        await cared.refusal()
    cared.otherwise = late("token")
    for _ in range(2 * FEW):
        await cared.refusal()
    assert cared.asked == 4 * FEW
    assert cared.counts.tries == {}


async def test_a_try_that_had_hardly_any_time_says_nothing_of_the_upstream(tmp_path: Path) -> None:
    cared = Cared(tmp_path, upstream=", timeout: 100s")
    cared.otherwise = late("total")
    for _ in range(2 * FEW):
        await cared.refusal()
    assert cared.asked == 2 * FEW
    cared.otherwise = late("silent")
    for _ in range(2 * FEW):
        await cared.refusal()
    assert cared.asked == 3 * FEW


async def test_a_probe_whose_caller_leaves_lets_another_one_try(tmp_path: Path) -> None:
    cared = Cared(tmp_path)
    await cared.fails(FEW)
    cared.passed = FIRST
    cared.script = [asyncio.Event()]
    probe = begun(cared())
    await until(lambda: cared.asked == FEW + 1)
    probe.cancel()
    await asyncio.wait([probe])
    assert (await cared()).status == 200
    assert cared.places == (0, 0)


async def test_what_comes_of_a_try_is_told_where_the_upstream_is_left_alone_meanwhile(
    tmp_path: Path,
) -> None:
    cared = Cared(tmp_path)
    await cared.fails(FEW - 1)
    cared.script = [reply(503), reply(200)]
    assert (await cared()).status == 503
    assert cared.asked == FEW


# --- places -----------------------------------------------------------------------------------


async def test_so_many_are_in_flight_as_many_wait_and_the_next_is_refused(tmp_path: Path) -> None:
    cared = Cared(tmp_path, in_flight=2)
    slow = asyncio.Event()
    cared.otherwise = slow
    calls = [begun(cared()) for _ in range(4)]
    await until(lambda: cared.places == (2, 2))
    refusal = await cared.refusal()
    assert isinstance(refusal, UpstreamBusy)
    assert refusal.retry_after == 1
    assert cared.asked == 2
    slow.set()
    assert {(await call).status for call in calls} == {200}
    assert cared.places == (0, 0)
    assert (cared.counts.flying, cared.counts.waits) == (0, 0)
    assert cared.counts.refusals == {"full": 1}


async def test_who_waits_too_long_is_refused(tmp_path: Path) -> None:
    cared = Cared(tmp_path, in_flight=1, upstream=", timeout: 200ms")
    slow = asyncio.Event()
    cared.otherwise = slow
    first = begun(cared())
    await until(lambda: cared.asked == 1)
    assert isinstance(await cared.refusal(), UpstreamBusy)
    with pytest.raises(UpstreamTimeout):
        await first
    assert cared.places == (0, 0)


async def test_who_leaves_leaves_nothing(tmp_path: Path) -> None:
    cared = Cared(tmp_path, in_flight=3)
    slow = asyncio.Event()
    cared.otherwise = slow
    calls = [begun(cared()) for _ in range(6)]
    await until(lambda: cared.places == (3, 3))
    for call in calls[::2]:  # of those in flight, and of those in line
        call.cancel()
    await until(lambda: cared.places == (3, 0))
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert cared.places == (0, 0)
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_place_given_to_who_leaves_at_that_moment_goes_on(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    cared = Cared(tmp_path, in_flight=1)
    slow = asyncio.Event()
    cared.script = [slow]
    first = begun(cared())
    await until(lambda: cared.asked == 1)
    second, third = begun(cared()), begun(cared())
    await until(lambda: cared.places == (1, 1))
    for each in order:
        if each:
            second.cancel()
        else:
            slow.set()
            await asyncio.sleep(0)
    await asyncio.wait([first, second])
    assert isinstance(third.exception() if third.done() else None, UpstreamBusy | None)
    await asyncio.wait([third])
    assert cared.places == (0, 0)


# --- the quota --------------------------------------------------------------------------------


async def test_all_callers_share_what_may_be_asked(tmp_path: Path) -> None:
    cared = Cared(tmp_path, upstream=", limit: 3/min")
    for _ in range(3):
        assert (await cared()).status == 200
    refusal = await cared.refusal()
    assert isinstance(refusal, UpstreamLimited)
    assert refusal.retry_after is not None
    assert 1 <= refusal.retry_after <= 62
    assert (cared.asked, cared.counts.refusals) == (3, {"limit": 1})
    assert cared.places == (0, 0)


async def test_what_is_there_soon_is_waited_for(tmp_path: Path) -> None:
    cared = Cared(tmp_path, upstream=", limit: 2/s", more="limit: no")
    # A window of one second is longer than the wait, but a pause of the upstream's is not.
    await cared.limiter.pause("upstream shop", 0.2)
    assert (await cared()).status == 200


async def test_every_try_counts(tmp_path: Path) -> None:
    cared = Cared(tmp_path, reply(500), reply(500), reply(500), upstream=", limit: 2/min")
    assert (await cared()).status == 500  # not `upstream_limited`: this says more
    assert cared.asked == 2
    assert cared.counts.refusals == {}


async def test_what_is_not_sent_does_not_count(tmp_path: Path) -> None:
    """Who waits for a place while the upstream comes to be left alone takes nothing."""
    slow = asyncio.Event()
    cared = Cared(tmp_path, slow, upstream=", limit: 100/min, retries: no", in_flight=1)
    first = begun(cared())
    await until(lambda: cared.asked == 1)
    second = begun(cared())
    await until(lambda: cared.places == (1, 1))
    for _ in range(FEW):
        cared.upstream.breaker.failed(0, cared.steady())
    slow.set()
    await asyncio.wait([first, second])
    assert isinstance(second.exception(), UpstreamBusy)
    taken = await cared.limiter.take("upstream shop", "", Rate(100, 60.0))
    assert (cared.asked, taken.left) == (1, 98)


async def test_only_what_is_sent_once_more_is_counted_as_that(tmp_path: Path) -> None:
    limited = ", limit: 100/min, timeout: 1s"
    cared = Cared(tmp_path, reply(429), upstream=limited)
    assert (await cared()).status == 429  # which closed the bucket for longer than it may take
    assert (cared.asked, cared.counts.tries, cared.counts.retries) == (1, {"429": 1}, {})
    cared = Cared(tmp_path, reply(503, Retry_After="2"))
    leaving = begun(cared())
    await until(lambda: bool(cared.counts.tries))
    leaving.cancel()
    await asyncio.wait([leaving])
    assert (cared.asked, cared.counts.retries) == (1, {})


async def test_a_try_whose_caller_left_is_told(tmp_path: Path) -> None:
    cared = Cared(tmp_path, asyncio.Event())
    leaving = begun(cared())
    await until(lambda: cared.asked == 1)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert cared.counts.tries == {"gone": 1}
    assert cared.upstream.breaker.recent == (0, 0)


async def test_a_call_that_got_no_token_has_asked_nothing(tmp_path: Path) -> None:
    cared = Cared(tmp_path, CredentialRefused("No token."), late("token"))
    for _ in range(2):
        call = cared.call()
        with pytest.raises(Refusal):
            await cared.source(call)
        assert call.note.tries == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_an_upstream_that_says_when_is_not_asked_before(tmp_path: Path, status: int) -> None:
    cared = Cared(tmp_path, reply(status, Retry_After="60"), upstream=", limit: 100/min")
    assert (await cared()).status == status
    refusal = await cared.refusal()
    assert isinstance(refusal, UpstreamLimited)
    assert refusal.retry_after is not None
    assert 55 <= refusal.retry_after <= 60
    cared.passed = 61.0
    assert (await cared()).status == 200


async def test_one_that_does_not_say_when_is_left_alone_for_a_moment(tmp_path: Path) -> None:
    cared = Cared(tmp_path, reply(429), upstream=", limit: 100/min, retries: no, timeout: 1s")
    assert (await cared()).status == 429
    assert isinstance(await cared.refusal(), UpstreamLimited)
    cared.passed = 1.1
    cared.script = [reply(503)]  # which says nothing of a quota
    assert (await cared()).status == 503
    assert (await cared()).status == 200


async def test_not_even_an_upstream_switches_itself_off_for_a_year(tmp_path: Path) -> None:
    cared = Cared(tmp_path, reply(429, Retry_After="31536000"), upstream=", limit: 100/min")
    assert (await cared()).status == 429
    cared.passed = 301.0
    assert (await cared()).status == 200


async def test_one_users_own_quota_is_not_everybodys(tmp_path: Path) -> None:
    cared = Cared(
        tmp_path,
        reply(429, Retry_After="60"),
        upstream=", limit: 100/min",
        more="auth: {user: {scheme: bearer}}",
    )
    assert (await cared()).status == 429
    assert (await cared()).status == 200


# --- what is left -----------------------------------------------------------------------------


async def test_nothing_is_left_of_calls_that_failed(tmp_path: Path) -> None:
    cared = Cared(tmp_path, in_flight=4, upstream=", timeout: 50ms, retries: 1")
    said: list[Callable[[], Said]] = [
        lambda: reply(500), lambda: failed("cut"), lambda: late("silent"), asyncio.Event,
        lambda: ReplyTooLarge("x"), lambda: CredentialRefused("x"),
    ]  # fmt: skip

    async def some() -> None:
        calls: list[Awaitable[Any]] = []
        for one in said * 3:
            cared.script.append(one())
            calls.append(cared())
        await asyncio.gather(*calls, return_exceptions=True)
        cared.passed += 100

    await some()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            await some()
        calls = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert calls < 2000  # of 360 calls: nothing that only the collector could find
    assert cared.places == (0, 0)
    assert len(asyncio.all_tasks()) == 1
