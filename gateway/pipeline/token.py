"""A token of our own for the upstream, got with client id and secret (RFC 6749 section 4.4).

It is got once and shown until shortly before it ends; then the next call has it renewed beside
itself, while the old one still counts. However many calls need a token, one asks for it. If it
cannot be had, the call is stopped: nothing is ever sent without. So that a token endpoint in
trouble is not asked again by every call, its failure stands for a moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from gateway.config import types
from gateway.errors import CredentialRefused
from gateway.oauth.exchange import Exchange, exchanger
from gateway.oauth.requests import OAuthError
from gateway.pipeline.call import Clock

log = logging.getLogger("gateway")

# How long a token counts whose end is not told.
UNTOLD = 300.0
# It is renewed before its end by this share of its life, and at most so many seconds.
EARLY, MOST_EARLY = 0.1, 60.0
# What is left of a token must see a request through.
LEAST = 1.0
# The same endpoint, by the key that the operator wrote it under.
_RELAYS, _OURS = "auth.oauth.token_url", "upstream.credential.client_credentials.token_url"
_WAY_OUT = (
    "the operator must check the plugin's client_credentials.",
    "its token endpoint does not answer. Try again later.",
)
# A token that is refused is replaced at most once in so many seconds, as jose fetches keys anew:
# an upstream that refuses every one would cost a new one for each call.
COOLDOWN = 30.0
# How long a call waits for its token: less than most give it, so that it is told that it was
# not carried out, and not that nobody knows.
WAIT = 7.0
PAUSE = 2.0  # seconds after a failure in which nobody asks again


class Tokens:
    """The token of one plugin. `learn` is told every token, so that none gets into an answer."""

    def __init__(
        self,
        grant: types.ClientCredentials,
        exchange: Exchange,
        steady: Clock,
        learn: Callable[[str], None],
    ) -> None:
        self._parameters = {
            "grant_type": "client_credentials",
            **({"scope": grant.scope} if grant.scope else {}),
            **grant.parameters,
        }
        self._exchange = exchange
        self._steady = steady
        self._learn = learn
        self._token = ""
        self._renew = self._end = self._again = self._forgot = float("-inf")
        self._failure = ""  # what the token endpoint said, where it gave none
        self._passing = False  # whether that passes by itself
        self._task: asyncio.Task[None] | None = None

    async def get(self) -> str:
        """The token to show now. Raises: CredentialRefused, if there is none."""
        now = self._steady()
        if self._token and now < self._end:
            if now >= self._renew and now >= self._again:
                self._ask()
            return self._token
        if self._failure and now < self._again:
            raise _refused(self._failure, passing=self._passing)
        task = self._ask()
        await asyncio.wait([task], timeout=WAIT)
        if not task.done():  # it goes on, for the next call
            raise _refused("no answer yet", passing=True)
        task.result()
        if self._failure:  # a refusal of each call's own: it gathers what is of one caller
            raise _refused(self._failure, passing=self._passing)
        return self._token

    def forget(self, token: str) -> None:
        """Get another one: the upstream refuses this one, whatever its end was to be."""
        now = self._steady()
        if token == self._token and now >= self._forgot + COOLDOWN:
            self._token, self._forgot = "", now

    def _ask(self) -> asyncio.Task[None]:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._get())
        return self._task

    async def _get(self) -> None:
        asked = self._steady()
        try:
            got = await self._exchange(self._parameters)
        except OAuthError as error:
            self._again = self._steady() + PAUSE
            self._failure = error.code
            self._passing = error.code == "temporarily_unavailable"
            advice = (error.advice or error.description).replace(_RELAYS, _OURS)
            log.warning("no token from the token endpoint: %s: %s", error.code, advice)
            return
        life = float(got.get("expires_in", UNTOLD))  # of 0 seconds: for who waits now, and no more
        self._token = str(got["access_token"])
        self._learn(self._token)
        self._end = asked + life - min(LEAST, life / 2)
        self._renew = asked + life - min(MOST_EARLY, life * EARLY)
        self._failure = ""


def _refused(code: str, *, passing: bool) -> CredentialRefused:
    return CredentialRefused(
        f"The gateway got no token for the upstream ({code}), so the call was not carried out. "
        "Nothing that a caller sends can mend this; " + _WAY_OUT[passing],
        retry_after=PAUSE if passing else None,
    )


def tokens_of(
    grant: types.ClientCredentials | None,
    client: aiohttp.ClientSession,
    steady: Clock,
    learn: Callable[[str], None],
) -> Tokens | None:
    """What gets the tokens of a credential; None where it needs none."""
    return None if grant is None else Tokens(grant, exchanger(grant, client), steady, learn)
