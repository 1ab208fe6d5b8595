"""Refuse a caller who calls too often (`limits`), and tell each what is left to him."""

from __future__ import annotations

import ipaddress
import math

from gateway.config.scalars import Rate
from gateway.errors import LimitReached, Refusal
from gateway.limits import Limiter, Taken
from gateway.limits.headers import policy_of, told
from gateway.limits.memory import MemoryLimiter
from gateway.limits.networks import network
from gateway.pipeline.call import Call, Plan
from gateway.plugin import Operation
from gateway.values import Answer

# Where ChatGPT documented its plugin calls to come from: many users behind few addresses, told
# apart by an id that its platform sets. From anywhere else that header is not believed.
_PLATFORM = (ipaddress.ip_network("23.102.140.112/28"),)
_EPHEMERAL = "openai-ephemeral-user-id"


def step(operation: Operation, limiter: Limiter, inner: Plan) -> Plan:
    """Refuse a caller who calls too often, and say on every answer and refusal what is left."""
    rate, scope = operation.limit, operation.limit_scope
    if not rate:
        return inner
    policy = policy_of(rate)

    async def go_on(call: Call, taken: Taken) -> Answer:
        try:
            if taken.wait:
                raise _refusal(rate, taken.wait)
            answer = await inner(call)
        except Refusal as refusal:
            refusal.headers = told(refusal.headers, policy, taken)
            raise
        status, headers, body, rest, tokens, fixed = answer
        headers = told(headers, policy, taken)
        if headers[: len(fixed)] != fixed:  # some of them were the upstream's, and are gone
            fixed = ()
        return Answer(status, headers, body, rest, tokens, fixed)

    if isinstance(limiter, MemoryLimiter):  # nobody is to be asked, so nothing is waited for
        take = limiter.taker(scope, rate)
        return lambda call: go_on(call, take(_counted(call)))

    async def limit(call: Call) -> Answer:
        return await go_on(call, await limiter.take(scope, _counted(call), rate))

    return limit


def _refusal(rate: Rate, wait: float) -> LimitReached:
    seconds = math.ceil(wait)
    return LimitReached(
        f"At most {rate.count} calls in {rate.seconds:g} seconds. "
        f"Wait {seconds} seconds, then call again.",
        retry_after=seconds,
    )


def _counted(call: Call) -> str:
    """Who a limit counts: `who`, but an address of IPv6 with all that its holder has."""
    return call.caller.id if call.caller is not None else network(_address(call))


def who(call: Call) -> str:
    """What tells callers apart: who he proved to be, else where he calls from."""
    return call.caller.id if call.caller is not None else _address(call)


def _address(call: Call) -> str:
    """The address, and behind a platform's shared ones the user it tells apart."""
    user = call.headers.get(_EPHEMERAL)
    if user:
        try:
            address = ipaddress.ip_address(call.address)
        except ValueError:
            return call.address
        if any(address in network for network in _PLATFORM):
            return f"{call.address} {user[:128]}"
    return call.address
