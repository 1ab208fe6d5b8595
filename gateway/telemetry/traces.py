"""Spans of calls, for OpenTelemetry; the extra `otel` brings its SDK.

A call is a SERVER span, each try at its upstream a CLIENT span below it, which goes upstream as
the parent of what happens there (W3C Trace Context). A reply that another call had asked for, and
a stored one that is brought up to date while it is served, are linked with the call they belong
to. Attributes are the stable ones of the semantic conventions for HTTP; those for MCP are still in
development, so what is ours stands under `gateway.`. No span has a value that a caller sent.

Where no trace is wanted nothing of this is imported, and a call has no span to ask for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from gateway.telemetry.lines import Served, clean

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

log = logging.getLogger("gateway")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NAME = "plugin-gateway"
# For what is left when the process ends: whoever collects it may be gone as well.
FLUSH_SECONDS = 2.0
_PARENT, _STATE = "traceparent", "tracestate"
_MAX_STATE = 512  # characters; what W3C Trace Context says that everybody must take
_GONE = 499

# Method, target, headers, and what else is needed to ask; gives status and what came.
Ask = Callable[..., Awaitable[tuple[Any, ...]]]


class _Meta(msgspec.Struct):
    traceparent: str
    tracestate: str = ""


class _Params(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta")


class _Message(msgspec.Struct):
    params: _Params


_message = msgspec.json.Decoder(_Message).decode


def parent_of(message: bytes) -> Mapping[str, str]:
    """What a message of MCP says it belongs to (2026-07-28, `_meta`), by the names of headers."""
    try:
        meta = _message(message).params.meta
    except (ValueError, RecursionError):
        return {}
    return {_PARENT: meta.traceparent, _STATE: meta.tracestate}


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment says where traces go to, and does not say that there are none."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    none = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none"
    return not off and not none and any(environment.get(name) for name in ENDPOINTS)


def open_traces(environment: Mapping[str, str], version: str) -> Traces | None:
    """Send traces to where the variables OTEL_… say; None where they do not, or cannot be sent.

    The SDK reads the rest of its variables itself, out of the process's environment.
    """
    if not is_wanted(environment):
        return None
    if not _can_send():
        log.warning(
            "traces are wanted (%s is set) but cannot be sent: pip install 'plugin-gateway[otel]'",
            next(name for name in ENDPOINTS if environment.get(name)),
        )
        return None
    logging.getLogger("opentelemetry.util.re").addFilter(_unsaid)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    own = {"service.version": version}
    if not environment.get("OTEL_SERVICE_NAME") and "service.name=" not in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        own["service.name"] = NAME
    # What is left is sent by `close`, which does not wait for ever.
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider, version)


def _unsaid(record: logging.LogRecord) -> bool:
    """What the SDK says of headers that it cannot read, without them: they hold a key."""
    record.msg = "a variable OTEL_…_HEADERS is not NAME=VALUE,NAME=VALUE; what is wrong is left out"
    record.args = ()
    return True


def _can_send() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even what it would be found in
        return False


class Traces:
    """Begins the spans of calls."""

    def __init__(self, provider: TracerProvider, version: str = "") -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
        from opentelemetry.trace.propagation import tracecontext

        self._provider = provider
        self.tracer = provider.get_tracer("gateway", version)
        self.context = tracecontext.TraceContextTextMapPropagator()
        self.server, self.client = SpanKind.SERVER, SpanKind.CLIENT
        self.internal = SpanKind.INTERNAL
        self.failed = Status(StatusCode.ERROR)
        self.under, self.nothing = set_span_in_context, Context

    def begin(
        self, operation: Served, route: str, method: str, headers: Mapping[str, str], call_id: str
    ) -> CallSpan:
        """The span of a call that begins; `headers` may name its parent."""
        attributes = {
            "http.request.method": method,
            "http.route": clean(operation.address),
            "url.path": clean(operation.address),
            "gateway.plugin": operation.plugin,
            "gateway.operation": operation.name,
            "gateway.route": route,
            "gateway.call_id": call_id,
        }
        span = self.tracer.start_span(
            f"{operation.plugin}.{operation.name}",
            context=self._parent(headers),
            kind=self.server,
            attributes=attributes,
        )
        return CallSpan(self, span)

    def _parent(self, headers: Mapping[str, str]) -> Any:
        """What a caller says this belongs to; what is not as it should be counts for nothing."""
        said = headers.get(_PARENT)
        if said is None:
            return self.nothing()
        carrier = {_PARENT: said}
        state = headers.get(_STATE, "")
        if state and len(state) <= _MAX_STATE and state.isascii() and state.isprintable():
            carrier[_STATE] = state
        return self.context.extract(carrier, context=self.nothing())

    def close(self) -> None:
        """Send what is left, for so long at most: the SDK itself would try again for long."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)


class CallSpan:
    """The span of a call, or of what is done after it."""

    __slots__ = ("_span", "_traces", "_tries", "trace_id")

    def __init__(self, traces: Traces, span: Span) -> None:
        self._traces, self._span, self._tries = traces, span, 0
        self.trace_id = f"{span.get_span_context().trace_id:032x}"

    def around(self, ask: Ask, base: str, template: str, masked: Callable[[str], str]) -> Ask:
        """A function that asks the upstream, with a span for each time that it does.

        Args:
            ask: Takes method, target, headers and more.
            base: The upstream's base URL.
            template: The operation's path there, with its `{names}`.
            masked: Takes the secrets out of what is told of the URL: there may be one in its path.
        """
        place = urlsplit(base)
        where = place.netloc.rpartition("@")[2]
        url = masked(f"{place.scheme}://{where}{place.path}{clean(template)}")
        host = masked(place.hostname or "")

        async def asked(
            method: str, target: str, headers: MutableMapping[str, str], *rest: Any
        ) -> tuple[Any, ...]:
            attributes: dict[str, str | int] = {
                "http.request.method": method,
                "server.address": host,
                "server.port": place.port or (443 if place.scheme == "https" else 80),
                "url.full": url,
            }
            if self._tries:
                attributes["http.request.resend_count"] = self._tries
            self._tries += 1
            traces = self._traces
            of = traces.under(self._span)
            span = traces.tracer.start_span(
                method,
                context=of,
                kind=traces.client,
                attributes=attributes,
            )
            for name in (_PARENT, _STATE):
                headers.pop(name, None)
            traces.context.inject(headers, context=traces.under(span))
            try:
                result = await ask(method, target, headers, *rest)
                self._came(span, result[0])
            except BaseException as error:
                self._broke(span, type(error).__name__)
                raise
            finally:
                span.end()
            return result

        return asked

    def _came(self, span: Span, status: int) -> None:
        span.set_attribute("http.response.status_code", status)
        if status >= 400:
            self._broke(span, str(status))

    def _broke(self, span: Span, kind: str) -> None:
        """What went wrong, by its name: what it says may hold an address, or worse."""
        span.set_attribute("error.type", kind)
        span.set_status(self._traces.failed)

    def step(self, name: str, seconds: float) -> None:
        """A part of the call that has just ended, after so many seconds."""
        self._traces.tracer.start_span(
            name,
            context=self._traces.under(self._span),
            kind=self._traces.internal,
            start_time=time.time_ns() - int(seconds * 1e9),
        ).end()

    def shares(self, other: CallSpan | None) -> None:
        """What came was asked for by another call."""
        if other is not None:
            there = other._span.get_span_context()  # noqa: SLF001 - another one of these
            self._span.add_link(there, {"gateway.link": "shared"})

    def aside(self, name: str) -> CallSpan:
        """The span of what is done because of this call, but not for it."""
        from opentelemetry.trace import Link

        link = Link(self._span.get_span_context(), {"gateway.link": "caused by"})
        span = self._traces.tracer.start_span(
            name,
            context=self._traces.nothing(),
            kind=self._traces.internal,
            links=[link],
        )
        return CallSpan(self._traces, span)

    def ended(
        self,
        status: int,
        outcome: str,
        *,
        cache: str = "",
        sent: int = 0,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        """The call has ended. Only what is our fault or the upstream's is an error of a server."""
        span = self._span
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("gateway.outcome", outcome)
        if cache:
            span.set_attribute("gateway.cache", cache)
        if sent:
            span.set_attribute("http.response.body.size", sent)
        if tokens is not None:
            span.set_attribute("gateway.tokens.before", tokens[0])
            span.set_attribute("gateway.tokens.after", tokens[1])
        if status >= 500:
            self._broke(span, outcome)
        elif status == _GONE:
            span.set_attribute("error.type", outcome)
        span.end()

    def __enter__(self) -> Self:
        """What is done aside begins, in a `with` block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """It has ended."""
        if kind is not None:
            self._broke(self._span, kind.__name__)
        self._span.end()
