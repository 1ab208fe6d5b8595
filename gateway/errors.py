"""Everything that can be wrong, as one tree.

    GatewayError
    ├── Unreadable          text that is no YAML or JSON, or beyond its bounds
    ├── Mistakes            faults in config files; all of one run at once
    ├── SpecError           a spec that was had but cannot be read
    ├── SpecUnavailable     a spec that cannot be had yet; fetched again later
    └── Refusal             a call we will not or cannot answer
        ├── BadArguments        400  the arguments do not fit the operation
        ├── SignInRefused       400  a sign-in that cannot be sent back to its platform
        ├── Unauthorized        401  no or a wrong proof of who calls
        ├── OriginRefused       403  a browser page that is not let in
        ├── NotFound            404  no such plugin, operation or document
        ├── UnknownHandle       404  nothing is kept under this handle, or not any more
        ├── MethodNotAllowed    405  the address exists, the method does not
        ├── NotAcceptable       406  the caller does not take what is served here
        ├── BodyTooSlow         408  the caller's body does not arrive
        ├── BodyTooLarge        413  the caller's body is beyond the bound
        ├── TargetTooLong       414  the caller's address is beyond the bound
        ├── UnsupportedBody     415  the caller's body is of a type that is not read
        ├── ExpectationFailed   417  the caller expects what is not known
        ├── LimitReached        429  too many calls
        ├── HeadersTooLarge     431  the caller's headers are beyond the bound
        ├── Bug                 500  ours; the one `except Exception`
        ├── UpstreamFailed      502  5xx, cut off, not HTTP, unreachable
        ├── CredentialRefused   502  the upstream refuses our credential
        ├── ReplyTooLarge       502  the reply is beyond max_bytes
        ├── RedirectRefused     502  the upstream points somewhere else
        ├── UpstreamStatus       *   an error status of the upstream's own, kept
        ├── Overloaded          503  more calls in flight than are taken
        ├── PluginNotReady      503  the plugin's spec cannot be had yet
        ├── UpstreamBusy        503  it fails and is left alone, or is asked enough already
        ├── UpstreamLimited     503  what may be asked of the upstream is used up
        ├── UpstreamTimeout     504  no reply in time
        └── NothingStored       504  only what is stored was wanted, and nothing is

The class holds code, title and status; the instance holds what a model can act on. Nobody
asks for the class of a refusal: `proxy` writes its fields as problem+json (RFC 9457).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar


def shown(value: Any) -> str:
    """A value that somebody else wrote, for a message: short, quoted, on one line."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and len(value) > _SHOWN:
        return repr(value[:_SHOWN] + "…")
    text = repr(value)
    return text if len(text) <= 4 * _SHOWN else f"a long {type(value).__name__}"


_SHOWN = 100  # characters of a foreign text in a message; escaped, each may take several


class GatewayError(Exception):
    """Whatever the gateway says itself."""


class Unreadable(GatewayError):
    """Text that is no YAML or JSON, or beyond its bounds. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Mistake:
    """A fault (or, in a list of warnings, a doubt) at one place of a file.

    `line` and `column` count from 1. `path` is dotted, as a person would say it:
    `operations.getQuote.fields`.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return f"{where}{self.path}: {self.message}" if self.path else where + self.message


class Mistakes(GatewayError):
    """All mistakes of one reading, in file order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class SpecError(GatewayError):
    """A spec that was had but cannot be read; the text says where and why."""


class SpecUnavailable(GatewayError):
    """A spec that cannot be had yet; the text says from where and why."""


class Refusal(GatewayError):
    """A call we will not or cannot answer.

    `detail` is read by a model: the argument, what was given, what is allowed. Never a
    credential, a full upstream URL or a stack trace. `retry_after` is in seconds. `call_id` is set
    by whoever answers the call: the same refusal may end several.
    """

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "The call was refused"
    status: ClassVar[int] = 400
    call_id: str = ""

    def __init__(
        self,
        detail: str,
        *,
        retry_after: float | None = None,
        example: Any = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.example = example
        self.headers = tuple(headers)

    def fields(self) -> dict[str, Any]:
        """What is told of it, in every form: the members of a problem (RFC 9457)."""
        fields: dict[str, Any] = {
            "code": self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.retry_after is not None:
            fields["retry_after"] = math.ceil(self.retry_after)
        if self.example is not None:
            fields["example"] = self.example
        if self.call_id:
            fields["call_id"] = self.call_id
        return fields


class BadArguments(Refusal):
    """The arguments do not fit the operation."""

    code = "bad_arguments"
    title = "The arguments do not fit the operation"
    status = 400


class SignInRefused(Refusal):
    """A sign-in that cannot go on, nor be sent back to a platform that is proved."""

    code = "sign_in_refused"
    title = "The sign-in cannot go on"
    status = 400


class Unauthorized(Refusal):
    """No or a wrong proof of who calls; `headers` holds WWW-Authenticate."""

    code = "unauthorized"
    title = "Authentication is needed"
    status = 401


class OriginRefused(Refusal):
    """A browser page that is not let in."""

    code = "origin_refused"
    title = "This origin is not let in"
    status = 403


class NotFound(Refusal):
    """No such plugin, operation or document."""

    code = "not_found"
    title = "There is nothing at this address"
    status = 404


class UnknownHandle(Refusal):
    """Nothing is kept under this handle for this plugin, or not any more."""

    code = "unknown_handle"
    title = "The rest of that answer is not here"
    status = 404


class MethodNotAllowed(Refusal):
    """The address exists, the method does not; `headers` holds Allow."""

    code = "method_not_allowed"
    title = "This method is not served at this address"
    status = 405


class NotAcceptable(Refusal):
    """The caller does not take what is served here (RFC 9110 section 15.5.7)."""

    code = "not_acceptable"
    title = "What is served here is not what the caller takes"
    status = 406


class BodyTooSlow(Refusal):
    """The caller's body does not arrive."""

    code = "body_too_slow"
    title = "The request body did not arrive in time"
    status = 408


class BodyTooLarge(Refusal):
    """The caller's body is beyond the bound."""

    code = "body_too_large"
    title = "The request body is too large"
    status = 413


class TargetTooLong(Refusal):
    """The caller's address is beyond the bound."""

    code = "target_too_long"
    title = "The address is too long"
    status = 414


class UnsupportedBody(Refusal):
    """The caller's body is of a type that is not read."""

    code = "unsupported_body"
    title = "The request body's type is not read"
    status = 415


class ExpectationFailed(Refusal):
    """The caller expects what is not known (RFC 9110 section 10.1.1)."""

    code = "expectation_failed"
    title = "The expectation is not known"
    status = 417


class LimitReached(Refusal):
    """Too many calls; `retry_after` says when."""

    code = "limit_reached"
    title = "Too many calls"
    status = 429


class HeadersTooLarge(Refusal):
    """The caller's headers are beyond the bound."""

    code = "headers_too_large"
    title = "The request's headers are too large"
    status = 431


class Bug(Refusal):
    """Ours. The log has the trace under the call's id."""

    code = "internal_error"
    title = "The gateway failed"
    status = 500


class UpstreamFailed(Refusal):
    """A 5xx, a cut connection, something that is not HTTP, or nobody there."""

    code = "upstream_failed"
    title = "The upstream failed"
    status = 502
    # For who takes care of the upstream: `connect` (nothing was sent), `tls`, `cut`, `garbled`.
    fault: str = ""


class UpstreamStatus(Refusal):
    """An error status of the upstream's own, kept; its body was no JSON to pass on."""

    code = "upstream_error"
    title = "The upstream answered with an error"

    def __init__(self, status: int, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.status = status  # type: ignore[misc] # the one refusal whose status is not its class's


class CredentialRefused(Refusal):
    """The upstream refuses the gateway's own credential."""

    code = "credential_refused"
    title = "The upstream refused the gateway's credential"
    status = 502


class ReplyTooLarge(Refusal):
    """The reply is beyond max_bytes."""

    code = "reply_too_large"
    title = "The upstream's reply is too large"
    status = 502


class RedirectRefused(Refusal):
    """The upstream points somewhere else."""

    code = "redirect_refused"
    title = "The upstream redirects elsewhere"
    status = 502


class Overloaded(Refusal):
    """More calls in flight than are taken; `retry_after` says when."""

    code = "overloaded"
    title = "The gateway is busy"
    status = 503


class PluginNotReady(Refusal):
    """The plugin's spec cannot be had yet."""

    code = "plugin_not_ready"
    title = "This plugin is not ready yet"
    status = 503


class UpstreamBusy(Refusal):
    """The upstream fails and is left alone, or has enough calls in flight; `retry_after` says when
    to call again."""

    code = "upstream_busy"
    title = "The upstream is not asked now"
    status = 503


class UpstreamLimited(Refusal):
    """What may be asked of the upstream is used up; `retry_after` says when there is more."""

    code = "upstream_limited"
    title = "The upstream's quota is used up"
    status = 503


class UpstreamTimeout(Refusal):
    """No reply in time."""

    code = "upstream_timeout"
    title = "The upstream did not answer in time"
    status = 504
    # For who takes care of the upstream: `connect` (nothing was sent), `token`, `silent`, `total`.
    fault: str = ""


class NothingStored(Refusal):
    """Only what is stored was asked for, and nothing is (RFC 9111 section 5.2.1.7)."""

    code = "nothing_stored"
    title = "Nothing is stored for this call"
    status = 504
