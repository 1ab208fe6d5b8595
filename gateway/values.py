"""The values that travel: specs as one model, operations, calls, replies, answers. Frozen.

At start   a spec of any version becomes a `SpecModel`; config and model become `Operation`s.
Per call   `Call` goes in, `Reply` comes from the upstream, `Answer` goes to the caller.

Schemas are JSON Schema 2020-12 as plain dicts; their only `$ref`s are
`#/components/schemas/NAME` into `SpecModel.components`. Nobody changes them in place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from gateway.media import BodyKind as BodyKind

Schema = dict[str, Any]
Headers = tuple[tuple[str, str], ...]  # repeated names allowed, order kept
# The style of a parameter that is the whole query string: OpenAPI 3.2's place of that name.
WHOLE_QUERY = "querystring"
Place = Literal["path", "query", "header", "cookie", "body"]


# --- the spec, whatever its version -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Degraded:
    """A line of the ledger: what was changed or given up, where and why.

    `operation` is `METHOD /path` or "" for the document; `lost` is True where the operation
    cannot be served at all.
    """

    operation: str
    what: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class SpecParameter:
    """One parameter of an operation, path-level ones and overrides already merged.

    `style` and `explode` are always set (OpenAPI's defaults filled in). `content_type` is set
    for `content` parameters, whose value is serialised in that media type; `style` is
    `querystring` where that is the whole query string. `within` is the path of a property
    that was spread out of an object, which is left out or sent with all that are `needed` in it.
    """

    name: str
    place: Literal["path", "query", "header", "cookie"]
    schema: Schema
    required: bool = False
    description: str = ""
    style: str = "form"
    explode: bool = True
    allow_reserved: bool = False
    content_type: str | None = None
    example: Any = None
    allow_empty: bool = False
    within: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True, slots=True)
class SpecBody:
    """The request body, in the one media type chosen: JSON, else form, multipart, text, binary.

    Of files, `others` are the further types that the upstream takes: the caller's says which.
    """

    content_type: str
    kind: BodyKind
    schema: Schema
    required: bool = False
    description: str = ""
    encoding: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecReply:
    """The reply of success. `schema` is None where the spec says nothing of it."""

    status: str = "200"
    description: str = ""
    content_type: str = "application/json"
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class SpecOperation:
    """One method + path of the spec.

    `path` has no query or fragment: `fixed_query` holds what stood behind a `?` in the path
    key, and `key` is the path key as written. `servers` are the operation- or path-level ones,
    absolute.
    """

    method: str
    path: str
    key: str
    operation_id: str | None = None
    summary: str = ""
    description: str = ""
    parameters: tuple[SpecParameter, ...] = ()
    body: SpecBody | None = None
    reply: SpecReply = SpecReply()
    servers: tuple[str, ...] = ()
    fixed_query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SpecModel:
    """A trimmed spec of any version, as one model."""

    title: str
    description: str = ""
    version: str = ""
    contact: str = ""
    servers: tuple[str, ...] = ()  # absolute where the spec's own address allows it
    operations: tuple[SpecOperation, ...] = ()
    components: Mapping[str, Schema] = field(default_factory=dict)
    ledger: tuple[Degraded, ...] = ()


# --- a plugin's operations --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as the caller sees it, and where it goes.

    `source` is the upstream's name, for the body a path of property names (one, usually);
    the empty tuple is the body as a whole. `served` is where the openapi face takes it.
    `together` is True for a property that an optional body needs once it is sent.
    """

    name: str
    place: Place
    source: tuple[str, ...]
    schema: Schema
    required: bool = False
    description: str = ""
    example: Any = None
    served: Literal["path", "query", "body"] = "query"
    together: bool = False
    is_list: bool = field(init=False)  # whether a query may repeat it

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_list", _takes_list(self.schema))


def _takes_list(schema: Schema) -> bool:
    """Whether a list is among the forms that a schema takes."""
    forms = (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ()))
    kinds = [form.get("type") for form in forms if isinstance(form, dict)]
    return any("array" in (kind if isinstance(kind, list) else (kind,)) for kind in kinds)


class UpstreamRequest(NamedTuple):  # made on every call: a third of a frozen dataclass's time
    """What is sent, but for credentials, which `fetch` adds.

    `url` is absolute and encoded as it goes on the wire; `headers` hold the operation's header
    and cookie parameters and the content type; forwarded and fixed headers are added by `fetch`.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None


class Build(Protocol):
    """Arguments and the caller's headers in, request out."""

    def __call__(
        self, arguments: Mapping[str, Any], headers: Mapping[str, str], *, heals: bool = False
    ) -> UpstreamRequest:
        """Raises: BadArguments.

        `heals`: whether a text that says a value of another type, which alone would be right, is
        taken for that value.
        """


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `id` is what limits count by; `credential` an Authorization to pass on."""

    id: str
    credential: str | None = None


class Rest(Protocol):
    """A body that is still on its way. It is read to its end, or closed.

    `coding` is its content coding, "" for none; `length` is how many bytes it has, if that is
    known; `varies` is whether another caller would get it coded otherwise.
    """

    coding: str
    length: int | None
    varies: bool

    async def read(self) -> bytes:
        """The next piece; nothing at the end. Raises: Refusal, when it is cut off."""

    def close(self) -> None:
        """Nobody wants the rest."""


@dataclass(slots=True)
class Reply:
    """What the upstream sent: decoded from its content coding, bounded, whole or still to come.

    `received` is wall-clock seconds, `initial_age` how old it was then, in seconds; that is set
    when it is stored. `forms` keeps what `shrink` made of it, beside it, so that
    a stored reply is shrunk once. With a `rest` nothing of the body is in `body`.

    `is_shown` says whether a model may be shown it as what it is, once somebody has looked. Of a
    list that comes in pages, `notes` says how many are in here where that is not all
    (`{"pages": {"kept": 2, "failed": "status 500"}}`), and `onward` gets the next ones.
    """

    status: int
    headers: Headers
    body: bytes
    received: float = 0.0
    initial_age: float = 0.0
    forms: dict[str, Answer] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)  # by form: what its handle stands for
    rest: Rest | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    onward: Callable[[], Awaitable[Reply]] | None = None
    is_shown: bool | None = field(default=None, init=False, repr=False, compare=False)
    _first: dict[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        """The first value of a header, any case; None where it is absent."""
        if self._first is None:
            self._first = {key.lower(): value for key, value in reversed(self.headers)}
        return self._first.get(name.lower())


class Answer(NamedTuple):
    """What the caller gets. `headers` have passed the allow-list.

    `rest` is a body that is passed on as it comes; whoever has the answer reads or closes it.
    `tokens` are those of the reply's body and of this one, roughly; None where it is the same one.
    Of an answer out of the store, `fixed` are the first of the headers, which it has each time.
    """

    status: int
    headers: Headers
    body: bytes
    rest: Rest | None = None
    tokens: tuple[int, int] | None = None
    fixed: Headers = ()
