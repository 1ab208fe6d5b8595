"""The three addresses of a plugin's sign-in, each from request to response.

    platform's user → /oauth/authorize → upstream's login → /oauth/callback → platform
    platform → /oauth/token → upstream's token endpoint

Whoever asks is the one client that the config names, and browsers are sent to listed addresses
only. Before both are proved, an error is shown where it happens; afterwards it goes back to the
platform (RFC 6749 section 4.1.2.1). No line of the log holds a parameter's value.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp import web
from multidict import MultiMapping

from gateway.config import types
from gateway.errors import MethodNotAllowed, SignInRefused
from gateway.oauth.addresses import AUTHORIZE, CALLBACK, TOKEN
from gateway.oauth.exchange import Exchange, exchanger
from gateway.oauth.redirects import PLATFORMS, allowed, with_query
from gateway.oauth.requests import (
    Client,
    OAuthError,
    answers,
    challenge_of,
    read_body,
    read_query,
)
from gateway.oauth.seal import CODE_SECONDS, LOGIN_SECONDS, Code, Login, Seal, seals

log = logging.getLogger("gateway")

# Logins that are remembered as used; the oldest goes first. Only the platform itself adds one.
MAX_USED = 10_000
# In bytes. Ours is half as long again and some hundred more; servers take URLs of some 8,000.
MAX_STATE = 2048
MAX_CODE = 4096
_LOGIN_ERRORS = {
    "access_denied", "invalid_request", "invalid_scope", "server_error",
    "temporarily_unavailable", "unauthorized_client", "unsupported_response_type",
}  # fmt: skip
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # of S256: a SHA-256 in base64url
_NO_LOGIN = (
    "The login at auth.oauth.client_url came back with {}: check client_id and scope, and that the "
    "plugin's /oauth/callback is registered there; a server that chokes on PKCE needs "
    "`pkce: false`."
)
# What holds a code or token is kept by nobody, read by no page and told to no other site.
PRIVATE = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",  # RFC 6749 section 5.1
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class Relay:
    """The sign-in of one plugin. `wall` tells seconds since 1970."""

    plugin: str
    settings: types.OAuth
    exchange: Exchange
    wall: Callable[[], float]
    _client: Client = field(init=False)
    _logins: Seal[Login] = field(init=False)
    _codes: Seal[Code] = field(init=False)
    _may_go_to: Callable[[str], bool] = field(init=False)
    _used: OrderedDict[str, float] = field(default_factory=OrderedDict)  # until when, by id

    def __post_init__(self) -> None:
        given = self.settings.client_id or "", self.settings.client_secret or ""
        self._client = Client(*given)
        self._logins, self._codes = seals(self.plugin, *given)
        self._may_go_to = allowed(self.settings.redirect_uris or PLATFORMS)

    async def answer(
        self, request: web.BaseRequest, path: str, query: str, base: str, body: bytes
    ) -> web.Response | None:
        """Answer what is asked of the sign-in; None where it has nothing at this path.

        Args:
            request: For its method and headers.
            path: Below the plugin's root.
            query: As it came.
            base: The absolute address of the plugin's root.
            body: Of a token request.

        Raises:
            SignInRefused: what cannot be told to the platform.
            MethodNotAllowed: GET for the browser's addresses, POST for the token.
        """
        if path == AUTHORIZE:
            _only(request, "GET")
            return _sent(self.authorize(query, base))
        if path == CALLBACK:
            _only(request, "GET")
            return _sent(self.callback(query))
        if path == TOKEN:
            _only(request, "POST")
            return await self._token(request.headers, body)
        return None

    # --- the browser --------------------------------------------------------------------------

    def authorize(self, query: str, base: str) -> str:
        """Where to send a browser that comes from the platform: to the upstream's login.

        Raises:
            SignInRefused: it is not known who asks, or where to send an error.
        """
        given, twice = _parameters(query)
        if given.get("client_id") != self.settings.client_id or "client_id" in twice:
            raise SignInRefused(
                "The client_id is missing, given twice or not the one of this plugin. The platform "
                "needs the client_id and client_secret of the plugin's auth.oauth."
            )
        redirect_uri = given.get("redirect_uri", "")
        if "redirect_uri" in twice or not self._may_go_to(redirect_uri):
            raise SignInRefused(
                "The redirect_uri is missing, given twice or not one of this plugin's. It is "
                "compared character by character with those that the plugin's operator lists "
                "under auth.oauth.redirect_uris."
            )
        try:
            challenge = _asked(given, twice)
            scope = self._scope(given)
        except OAuthError as error:
            state = "" if "state" in twice else given.get("state", "")
            return _failed(redirect_uri, state, error.code, error.description)
        callback = base + CALLBACK
        # Ours, not the platform's: it binds the upstream's code to the login that was begun here,
        # so a code stolen elsewhere is of no use in it (RFC 9700 section 4.5).
        verifier = "" if self.settings.pkce is False else secrets.token_urlsafe(32)
        login = Login(
            secrets.token_urlsafe(12), redirect_uri, given["state"], callback, challenge, verifier
        )
        return with_query(
            self.settings.client_url,
            [
                ("response_type", "code"),
                ("client_id", given["client_id"]),
                ("redirect_uri", callback),
                ("scope", scope),
                ("state", self._logins.close(login, self.wall())),
                ("code_challenge", challenge_of(verifier) if verifier else ""),
                ("code_challenge_method", "S256" if verifier else ""),
            ],
        )

    def _scope(self, given: Mapping[str, str]) -> str:
        """The scope that is asked for: no more than the operator's, where there is one.

        Raises:
            OAuthError: it is more.
        """
        own, asked = self.settings.scope, given.get("scope", "")
        if own and set(asked.split()) - set(own.split()):
            raise OAuthError("invalid_scope", f"The scope is at most {own!r}.")
        return asked or own

    def callback(self, query: str) -> str:
        """Where to send a browser that comes back from the upstream: to the platform.

        Raises:
            SignInRefused: the state is not ours, or too old.
        """
        given, twice = _parameters(query)
        login = None if "state" in twice else self._logins.open(given.get("state", ""), self.wall())
        if login is None or not self._may_go_to(login.redirect_uri):
            raise SignInRefused(
                "This login was not begun here, or more than "
                f"{LOGIN_SECONDS // 60} minutes ago. Go back and sign in again."
            )
        error, code = given.get("error"), given.get("code", "")
        if error is not None:
            known = error if error in _LOGIN_ERRORS else "server_error"
            text = "The sign-in server did not let this login through."
            if known != "access_denied":
                log.warning("%s: sign-in failed: %s", self.plugin, _NO_LOGIN.format(known))
            return _failed(login.redirect_uri, login.state, known, text)
        if not code or len(code) > MAX_CODE or "code" in twice:
            text = "The sign-in server sent no code that can be passed on."
            return _failed(login.redirect_uri, login.state, "server_error", text)
        ours = Code(
            login.id, login.redirect_uri, login.callback, login.challenge, login.verifier, code
        )
        closed = self._codes.close(ours, self.wall())
        return with_query(login.redirect_uri, [("code", closed), ("state", login.state)])

    # --- the platform -------------------------------------------------------------------------

    async def _token(self, headers: MultiMapping[str], body: bytes) -> web.Response:
        try:
            given = read_body(body, headers.get("Content-Type", ""))
            self._client.check(headers, given)
            login, grant = self._grant(given)
            try:
                return _json(await self.exchange(grant), 200)
            except OAuthError as error:
                if error.unused:
                    self._used.pop(login, None)
                raise
        except OAuthError as error:
            if error.advice:
                log.warning("%s: sign-in failed: %s", self.plugin, error.advice)
            response = _json(
                {"error": error.code, "error_description": error.description}, error.status
            )
            if error.status == 401:
                response.headers["WWW-Authenticate"] = f'Basic realm="{self.plugin}"'
            return response

    def _grant(self, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """What to ask of the upstream for what the platform asks.

        A code is used up by this, before the upstream is asked: of two exchanges at once, one is.

        Returns:
            The login's id, "" where the grant has none, and the parameters for the upstream.

        Raises:
            OAuthError: the grant is refused here.
        """
        kind = given.get("grant_type")
        if kind == "refresh_token":
            if "refresh_token" not in given:
                raise OAuthError("invalid_request", "The refresh_token is missing.")
            self._scope(given)
            names = ("grant_type", "refresh_token", "scope")
            return "", {name: given[name] for name in names if name in given}
        if kind != "authorization_code":
            word = "unsupported_grant_type" if kind else "invalid_request"
            raise OAuthError(word, "grant_type is authorization_code or refresh_token.")
        if "code" not in given or "redirect_uri" not in given:
            raise OAuthError("invalid_request", "The code or the redirect_uri is missing.")
        code = self._codes.open(given["code"], self.wall())
        if code is None:
            text = f"The code is not of this gateway, or older than {CODE_SECONDS} seconds."
            raise OAuthError("invalid_grant", text)
        if not self._first(code.id):
            raise OAuthError("invalid_grant", "The code was used before, or is just being.")
        if given["redirect_uri"] != code.redirect_uri:
            raise OAuthError("invalid_grant", "The redirect_uri is not the one of the login.")
        verifier = given.get("code_verifier", "")
        # A verifier without a challenge: somebody took PKCE out of the login (RFC 9700 2.1.1).
        if bool(verifier) != bool(code.challenge) or (
            verifier and not answers(code.challenge, verifier)
        ):
            raise OAuthError("invalid_grant", "The code_verifier is not the one of the login.")
        grant = {"grant_type": kind, "code": code.code, "redirect_uri": code.callback}
        return code.id, {**grant, "code_verifier": code.verifier} if code.verifier else grant

    def _first(self, login: str) -> bool:
        """Whether this is the first code of a login that is shown; it is remembered for as long
        as any code of that login could be opened."""
        now = self.wall()
        while self._used and next(iter(self._used.values())) < now:
            self._used.popitem(last=False)
        if login in self._used:
            return False
        if len(self._used) >= MAX_USED:
            self._used.popitem(last=False)
        self._used[login] = now + LOGIN_SECONDS + CODE_SECONDS
        return True


def relay_of(
    plugin: str, auth: types.Auth | str, client: aiohttp.ClientSession, wall: Callable[[], float]
) -> Relay | None:
    """The relay of a plugin; None where its config asks for none."""
    settings = None if isinstance(auth, str) else auth.oauth
    if settings is None or settings.client_id is None:
        return None
    return Relay(plugin, settings, exchanger(settings, client), wall)


def _only(request: web.BaseRequest, method: str) -> None:
    if request.method != method:
        text = f"{request.method} is not served at this address, only {method}."
        raise MethodNotAllowed(text, headers=[("Allow", method)])


def _parameters(query: str) -> tuple[dict[str, str], frozenset[str]]:
    try:
        return read_query(query)
    except ValueError:
        raise SignInRefused("The address's query cannot be read.") from None


def _asked(given: Mapping[str, str], twice: frozenset[str]) -> str:
    """PKCE's challenge of a login that may go on, "" where there is none.

    Raises:
        OAuthError: for the platform (RFC 6749 section 4.1.2.1).
    """
    if twice:
        raise OAuthError("invalid_request", "A parameter is given twice.")
    kind = given.get("response_type")
    if kind != "code":
        code = "unsupported_response_type" if kind else "invalid_request"
        raise OAuthError(code, "The response_type is code.")
    if not 0 < len(given.get("state", "").encode()) <= MAX_STATE:
        text = f"A state is needed, of at most {MAX_STATE:,} bytes."
        raise OAuthError("invalid_request", text)
    challenge = given.get("code_challenge", "")
    if challenge and (
        given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge)
    ):
        raise OAuthError("invalid_request", "The code_challenge is one of S256.")
    return challenge


def _failed(redirect_uri: str, state: str, code: str, description: str) -> str:
    return with_query(
        redirect_uri, [("error", code), ("error_description", description), ("state", state)]
    )


def _sent(url: str) -> web.Response:
    return web.Response(status=302, headers={**PRIVATE, "Location": url})


def _json(members: Mapping[str, str | int], status: int) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(members),
        content_type="application/json",
        headers=PRIVATE,
    )
