"""Names of calls: what a caller shows an operator, and the operator looks for in the log.

A call's id is in its answer, in its line of the log, in whatever else is logged on its way, and in
its trace. It is drawn, not counted, so that it tells nobody how many calls there are.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from random import getrandbits

# Its name in answers; in a refusal it is the member `call_id`.
HEADER = "Call-Id"
LENGTH = 20
# Of a billion calls, two have the same once in a million times.
_BITS = 4 * LENGTH
# What proxies write: UUIDs, hexadecimal numbers, base64, AWS's `Root=1-67891233-abcdef`.
_FOREIGN = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}")

# The call that runs here and now, for what is logged on its way; "" outside of any.
current: ContextVar[str] = ContextVar("call_id", default="")


def call_id() -> str:
    """A name that no other call has. Nothing hangs on whether it can be guessed."""
    return f"{getrandbits(_BITS):020x}"


def foreign_id(value: str | None) -> str:
    """What a proxy calls a request (X-Request-Id), if it can stand in a log; else ""."""
    return value if value is not None and _FOREIGN.fullmatch(value) else ""
