"""The YAML of a plugin, as types. This file is the reference.

The descriptions here are the JSON Schema's, the reference page's and the editor's. A struct
that is a `Kind` is a mapping with exactly one known key, so a new credential or auth kind is
one struct and one field. Fields are in the order in which a person writes them.

Units: durations are seconds (float), sizes are bytes (int); `30s`, `10MiB` and `30/min` are
read at the door (`scalars`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.config.scalars import Budget, Bytes, Drop, Rate, Seconds, SecondsOrNo

Doc = Meta  # `Doc(description=…)` reads as what it is

# What is served: methods that change nothing or something, not those that describe a server.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY")
SAFE = (
    "GET",
    "HEAD",
    "QUERY",
)  # change nothing (RFC 9110 §9.2.1, draft-ietf-httpbis-safe-method-w-body)
# What an answer may cost where nobody says otherwise.
TOKENS = 8000
# Platforms cut or refuse what is longer, in characters (OpenAI's plugin documentation, 2023).
LENGTHS = {"title": 20, "summary": 100, "description": 8000}

# A text that no message repeats. What stands in a credential or a token is a secret, too, when
# it is written out instead of `${NAME}`.
SECRET = {"writeOnly": True}
Hidden = Annotated[str, Meta(extra_json_schema=SECRET)]


class Kind(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A mapping with exactly one known key."""

    @property
    def chosen(self) -> tuple[str, Any]:
        """The one key that is there, and its value."""
        present = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return next((name, value) for name, value in present if value is not None)


class Block(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A mapping of known keys."""


# --- credentials: how we prove ourselves upstream -------------------------------------------


class NamedSecret(Block, frozen=True):
    """A name and a value, sent with every call."""

    name: Annotated[str, Doc(description="The header's, query parameter's or cookie's name.")]
    value: Annotated[Hidden, Doc(description="Its value, usually `${NAME}` or `Token ${NAME}`.")]


class BasicSecret(Block, frozen=True):
    """A user name and a password."""

    username: Annotated[str, Doc(description="The user name; may be empty.")]
    password: Annotated[Hidden, Doc(description="The password; may be empty.")] = ""


class ClientCredentials(Block, frozen=True, kw_only=True):
    """A token of our own, got from the upstream's token endpoint (RFC 6749 section 4.4)."""

    token_url: Annotated[str, Doc(description="Where id and secret are exchanged for a token.")]
    client_id: Annotated[str, Doc(description="Our id there.")]
    client_secret: Annotated[Hidden, Doc(description="Our secret, usually `${NAME}`.")]
    scope: Annotated[str, Doc(description="The scopes asked for, separated by spaces.")] = ""
    parameters: Annotated[
        dict[str, Hidden],
        Doc(description="What else the endpoint wants, such as `audience` or `resource`."),
    ] = {}
    client_auth: Annotated[
        Literal["body", "basic"],
        Doc(description="Where the endpoint wants id and secret: RFC 6749 asks for `basic`."),
    ] = "basic"
    content_type: Annotated[
        Literal["application/json", "application/x-www-form-urlencoded"],
        Doc(description="How the token request is written."),
    ] = "application/x-www-form-urlencoded"


class Credential(Kind, frozen=True):
    """One of the ways to prove ourselves to the upstream."""

    header: Annotated[NamedSecret | None, Doc(description="A header of any name.")] = None
    query: Annotated[NamedSecret | None, Doc(description="A query parameter.")] = None
    cookie: Annotated[NamedSecret | None, Doc(description="A cookie.")] = None
    bearer: Annotated[Hidden | None, Doc(description="`Authorization: Bearer …`.")] = None
    basic: Annotated[BasicSecret | None, Doc(description="`Authorization: Basic …`.")] = None
    client_credentials: Annotated[
        ClientCredentials | None,
        Doc(description="`Authorization: Bearer …`, with a token that is got and renewed."),
    ] = None


# --- auth: how callers prove themselves to us -----------------------------------------------

Scheme = Literal["bearer", "basic"]


class ServiceAuth(Block, frozen=True):
    """Shared secrets: the caller shows one of ours."""

    tokens: Annotated[
        dict[str, Hidden],
        Doc(
            description='Who may call, by name: `{chatgpt: "${TOKEN}"}`. For `basic` the '
            "secret is `user:password`.",
            min_length=1,
            extra_json_schema=SECRET,
        ),
    ]
    scheme: Annotated[Scheme, Doc(description="How the secret is sent.")] = "bearer"
    verification_tokens: Annotated[
        dict[str, str],
        Doc(description="What the platform gave for its own verification, by platform."),
    ] = {}
    instructions: Annotated[str | None, Doc(description="For people, where to get access.")] = None


class UserAuth(Block, frozen=True):
    """Every caller brings the upstream's own key, and it is passed on."""

    scheme: Annotated[Scheme, Doc(description="How the key is sent.")] = "bearer"
    instructions: Annotated[str | None, Doc(description="For people, where to get a key.")] = None


class OAuth(Block, frozen=True, kw_only=True):
    """The platform signs the user in, and the bearer token is passed on."""

    client_url: Annotated[str, Doc(description="Where the user's browser is sent to sign in.")]
    token_url: Annotated[str, Doc(description="Where the platform exchanges code for token.")]
    client_id: Annotated[
        str | None,
        Doc(
            description="The id that the sign-in server knows the platform by. With it and "
            "`client_secret`, the gateway relays the sign-in under the plugin's own address."
        ),
    ] = None
    client_secret: Annotated[
        Hidden | None, Doc(description="The secret of that id, usually `${NAME}`.")
    ] = None
    redirect_uris: Annotated[
        list[str] | None,
        Doc(
            description="Relayed: where browsers may be sent back to, exactly; `*` is one path "
            "segment. ChatGPT's callbacks where nothing is given."
        ),
    ] = None
    client_auth: Annotated[
        Literal["body", "basic"] | None,
        Doc(
            description="Relayed: where the sign-in server wants id and secret; `body` if left out."
        ),
    ] = None
    pkce: Annotated[
        bool | None,
        Doc(
            description="Relayed: `false` for a sign-in server that refuses a `code_challenge` or "
            "`code_verifier` (PKCE); both are sent if left out."
        ),
    ] = None
    scope: Annotated[str, Doc(description="The scopes asked for, separated by spaces.")] = ""
    content_type: Annotated[
        Literal["application/json", "application/x-www-form-urlencoded"],
        Doc(description="How the token request is written."),
    ] = "application/x-www-form-urlencoded"
    verification_tokens: Annotated[
        dict[str, str],
        Doc(description="What the platform gave for its own verification, by platform."),
    ] = {}
    instructions: Annotated[str | None, Doc(description="For people, how to sign in.")] = None


class Auth(Kind, frozen=True):
    """One of the ways callers prove themselves; `auth: none` asks for nothing."""

    service: Annotated[ServiceAuth | None, Doc(description="Shared secrets with names.")] = None
    user: Annotated[UserAuth | None, Doc(description="The caller's own upstream key.")] = None
    oauth: Annotated[OAuth | None, Doc(description="OAuth, by the platform.")] = None


# --- the upstream ---------------------------------------------------------------------------


class Timeout(Block, frozen=True):
    """How long an upstream is waited for; `timeout: 8s` is short for `{total: 8s}`."""

    total: Annotated[
        Seconds,
        Doc(
            description="The longest a call may take: waiting for its turn, for a token, all tries "
            "and the pauses between them."
        ),
    ] = field(default_factory=lambda: Seconds(30.0))
    connect: Annotated[
        Seconds | None,
        Doc(
            description="The longest one connection may take to be made: name, TCP and TLS. `5s` "
            "unless given, or `total` where that is less."
        ),
    ] = None
    read: Annotated[
        Seconds | None,
        Doc(description="The longest silence before and within a reply; `total` unless given."),
    ] = None


Retries = Annotated[int, Meta(ge=0, le=10)] | Literal["no"]


class Upstream(Block, frozen=True):
    """The API behind."""

    url: Annotated[str | None, Doc(description="Its base URL, instead of the spec's servers.")] = (
        None
    )
    credential: Annotated[
        Credential | list[Credential] | None,
        Doc(description="How we prove ourselves: one kind, or a list of them."),
    ] = None
    headers: Annotated[
        dict[str, Hidden],
        Doc(description="Always sent; a forwarded header of the same name replaces it."),
    ] = {}
    forward: Annotated[
        list[str],
        Doc(description="Of the caller's headers, only these; each is part of the cache key."),
    ] = []
    timeout: Annotated[
        Timeout | None,
        Doc(description="How long a call may take, such as `8s`, or `{total, connect, read}`."),
    ] = None
    retries: Annotated[
        Retries | None,
        Doc(
            description="How often a failed call is sent again: GET and HEAD, `2` unless given; "
            "where it is given, PUT and DELETE, too. POST and PATCH only where no connection was "
            "made. `no` never sends twice."
        ),
    ] = None
    limit: Annotated[
        Rate | None,
        Doc(description="What may be asked of it, all callers together: `60/min`."),
    ] = None
    in_flight: Annotated[
        int,
        Doc(
            description="At most so many calls at once; as many more wait their turn.",
            ge=1,
            le=10_000,
        ),
    ] = 128
    max_bytes: Annotated[
        Bytes, Doc(description="The largest answer that is read, such as `10MiB`.")
    ] = field(default_factory=lambda: Bytes(10 * 1024 * 1024))


class Cache(Block, frozen=True):
    """How replies are kept; `cache: 60s` is short for `{ttl: 60s}`.

    Absent is exactly what the upstream says (RFC 9111).
    """

    ttl: Annotated[
        SecondsOrNo | None,
        Doc(
            description="How long a success is fresh where the upstream says nothing of freshness; "
            "`no` turns storing off."
        ),
    ] = None
    stale: Annotated[
        Seconds | None,
        Doc(
            description="For so long after that it is still given, while it is asked for anew, and "
            "where the upstream fails."
        ),
    ] = None
    shared_by: Annotated[
        Literal["everyone", "caller"] | None,
        Doc(
            description="Who is given what one caller's call has fetched: `caller` keeps callers "
            "apart. `everyone` unless callers bring a key of the upstream's own."
        ),
    ] = None
    override: Annotated[
        bool,
        Doc(
            description="`ttl` holds whatever the upstream says of freshness, but `no-store` and "
            "`private`."
        ),
    ] = False
    heuristic: Annotated[
        bool,
        Doc(
            description="Where nothing is said, a tenth of the time since Last-Modified, at most a "
            "day."
        ),
    ] = False
    obey_caller: Annotated[
        bool,
        Doc(description="A caller's own Cache-Control is heeded: it may ask for what is new."),
    ] = False
    post: Annotated[
        bool, Doc(description="This POST only reads: its replies are kept, by its body.")
    ] = False


# Keys with a short form: what stands for a mapping with this one key.
SHORT = {"cache": ("ttl", SecondsOrNo), "timeout": ("total", Seconds)}


class SpecSource(Block, frozen=True):
    """A spec behind a URL that wants headers, or is fetched again."""

    url: Annotated[str, Doc(description="Where the spec is.")]
    headers: Annotated[
        dict[str, Hidden], Doc(description="Sent when it is fetched; may hold `${NAME}`.")
    ] = {}
    refresh: Annotated[
        Seconds | None,
        Doc(description="How often it is fetched again, such as `1h`; what changed is taken over."),
    ] = None


# --- parameters and operations --------------------------------------------------------------


class Parameter(Block, frozen=True):
    """What differs from the spec. The key is an upstream parameter, or with `from` a new name."""

    source: Annotated[
        str | None,
        Doc(
            description="The upstream's name; the key is then the served one. `body.a.b` makes a "
            "property inside an object an argument of its own."
        ),
    ] = field(default=None, name="from")
    pin: Annotated[
        Any | UnsetType, Doc(description="Always sent, never shown, not to be overridden.")
    ] = UNSET
    default: Annotated[
        Any | UnsetType, Doc(description="Sent where the caller gives none; makes it optional.")
    ] = UNSET
    required: Annotated[
        bool | None, Doc(description="`true` asks for it where the spec does not.")
    ] = None
    description: Annotated[str | None, Doc(description="For the model.")] = None
    values: Annotated[
        dict[str, Any] | None,
        Doc(description="What the model says, and what the upstream wants for it."),
    ] = None
    example: Annotated[Any | UnsetType, Doc(description="One good value.")] = UNSET
    header: Annotated[
        str | None, Doc(description="Filled from this header of the caller, never shown.")
    ] = None
    place: Annotated[
        Literal["path", "query", "header", "cookie"] | None,
        Doc(
            description="Where it is sent; this and all below only where the operation is written "
            "in place."
        ),
    ] = field(default=None, name="in")
    # JSON Schema keywords, for operations written in place.
    type: Annotated[
        Literal["string", "integer", "number", "boolean", "array", "object"] | None,
        Doc(description="The value's type."),
    ] = None
    format: Annotated[str | None, Doc(description="Such as `date`.")] = None
    enum: Annotated[list[Any] | None, Doc(description="The allowed values.")] = None
    items: Annotated[dict[str, Any] | None, Doc(description="The schema of each item.")] = None
    properties: Annotated[
        dict[str, Any] | None, Doc(description="The schemas of an object's properties.")
    ] = None
    minimum: Annotated[float | int | None, Doc(description="The least value.")] = None
    maximum: Annotated[float | int | None, Doc(description="The greatest value.")] = None
    min_length: Annotated[int | None, Doc(description="The shortest text.")] = field(
        default=None, name="minLength"
    )
    max_length: Annotated[int | None, Doc(description="The longest text.")] = field(
        default=None, name="maxLength"
    )
    pattern: Annotated[str | None, Doc(description="A regular expression of the text.")] = None
    min_items: Annotated[int | None, Doc(description="The fewest items.")] = field(
        default=None, name="minItems"
    )
    max_items: Annotated[int | None, Doc(description="The most items.")] = field(
        default=None, name="maxItems"
    )
    mcp_header: Annotated[
        str | None,
        Doc(description="The header in which MCP clients repeat the value, for what routes calls."),
    ] = field(default=None, name="x-mcp-header")


# Of `Parameter`: the keys that act only where the operation is written in place.
IN_PLACE_KEYS = (
    "in", "type", "format", "enum", "items", "properties", "minimum", "maximum",
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "x-mcp-header",
)  # fmt: skip

# Of `Parameter`: the keys that could have no effect beside another one, which hides the value.
IDLE_BESIDE = {
    "pin": ("default", "required", "description", "example", "values", "header"),
    "header": ("description", "example"),
}

Parameters = dict[str, Literal["hide"] | Parameter]
Items = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Encode = Literal["json", "table"]


class ItemLimit(Block, frozen=True, kw_only=True):
    """How many items of an array a caller gets."""

    max: Annotated[Items, Doc(description="At most so many items.")]
    hard: Annotated[bool, Doc(description="The rest is not given on request either.")] = False


class TextRule(Block, frozen=True):
    """What is done with the texts at a path."""

    max: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Doc(description="At most so many characters; cut at a word."),
    ] = None
    html: Annotated[
        Literal["text"] | None, Doc(description="`text` makes readable text of HTML.")
    ] = None


class NextCursor(Block, frozen=True, kw_only=True):
    """A page says where the next one begins: by a text of its own, or by its last item."""

    source: Annotated[str | None, Doc(description="Where a page holds the next one's cursor.")] = (
        field(default=None, name="from")
    )
    last: Annotated[
        str | None, Doc(description="Or: what of a page's last item is the cursor, such as `id`.")
    ] = None
    to: Annotated[str, Doc(description="The query parameter that takes it.")]


class PageNumber(Block, frozen=True, kw_only=True):
    """Pages have numbers."""

    param: Annotated[str, Doc(description="The query parameter that takes a page's number.")]
    first: Annotated[int, Doc(description="The number of the first page.", ge=0)] = 1


class NextLink(Block, frozen=True):
    """A page holds the address of the next one."""

    rel: Annotated[
        str | None, Doc(description="In the header `Link`, of this relation (RFC 8288).")
    ] = None
    source: Annotated[str | None, Doc(description="Or: where in the page it stands.")] = field(
        default=None, name="from"
    )
    to: Annotated[
        list[str],
        Doc(
            description="The query parameters taken out of it, and nothing else; callers do not "
            "see them. Where none is given: whatever callers could send themselves."
        ),
    ] = []


class PageSize(Block, frozen=True):
    """How many items are asked for."""

    param: Annotated[str, Doc(description="The query parameter that takes it.")]
    value: Annotated[int, Doc(description="So many are asked for.", ge=1, le=1_000_000)]


class Paginate(Block, frozen=True, kw_only=True):
    """How the pages of a list are found; one of `cursor`, `page`, `offset` and `link`."""

    items: Annotated[str, Doc(description="The array that goes on; `$` is the answer itself.")]
    cursor: Annotated[
        NextCursor | None, Doc(description="By a cursor: `{from: meta.next_cursor, to: cursor}`.")
    ] = None
    page: Annotated[
        str | PageNumber | None,
        Doc(description="By number: the query parameter, or `{param, first: 0}`."),
    ] = None
    offset: Annotated[
        str | None,
        Doc(description="By offset: the query parameter that takes how many items to pass over."),
    ] = None
    link: Annotated[
        str | NextLink | None,
        Doc(description="By address: the relation in the header `Link`, or `{from: next}`."),
    ] = None
    more: Annotated[
        str | None,
        Doc(description="Where a page says whether there is another; false, null and 0 mean no."),
    ] = None
    size: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | PageSize | None,
        Doc(
            description="Items of a full page, also sent as `{param: per_page, value: 100}`. By "
            "number or offset, a page with fewer is the last."
        ),
    ] = None
    max_pages: Annotated[
        int, Doc(description="At most so many pages for one answer.", ge=1, le=100)
    ] = 5


class Operation(Block, frozen=True):
    """One operation, under the name the model sees; everything is optional."""

    call: Annotated[
        str | None,
        Doc(
            description="The spec's operationId, or `METHOD /path`; left out where the name is it."
        ),
    ] = None
    description: Annotated[
        str | None, Doc(description="For the model: what it does and when to use it.")
    ] = None
    parameters: Annotated[
        Parameters, Doc(description="What differs from the spec, by name; `hide` hides one.")
    ] = {}
    body: Annotated[
        dict[str, Any] | None,
        Doc(description="The JSON Schema of the request body, where there is no spec."),
    ] = None
    flatten: Annotated[
        bool,
        Doc(
            description="All objects inside the JSON body are taken apart: each property is an "
            "argument, as `from: body.a.b` makes one."
        ),
    ] = False
    returns: Annotated[
        dict[str, Any] | None,
        Doc(description="The JSON Schema of the answer, instead of the spec's."),
    ] = None
    confirm: Annotated[
        bool | None,
        Doc(description="Consequential or not; by default every method but GET and HEAD is."),
    ] = None
    fields: Annotated[
        list[str],
        Doc(description="Only these parts of the answer: `data.{id,team.full_name as team}`."),
    ] = []
    jmespath: Annotated[
        str | None,
        Doc(
            description="Instead of `fields`: the answer reshaped by a JMESPath expression; "
            "`returns` then describes what comes out."
        ),
    ] = None
    choose: Annotated[
        bool, Doc(description="The caller may say which of the answer's fields are wanted.")
    ] = False
    drop: Annotated[Drop | None, Doc(description="Overrides the plugin's.")] = None
    strings: Annotated[
        dict[str, TextRule],
        Doc(description="What is done with the texts at a path: `{data.body: {max: 300}}`."),
    ] = {}
    untrusted: Annotated[
        Literal["all"] | list[str],
        Doc(
            description="Where texts of third parties stand, or `all`: what nobody sees in them "
            "(control, invisible and bidi characters) is taken out."
        ),
    ] = []
    limit_items: Annotated[
        dict[str, Items | ItemLimit],
        Doc(
            description="At most so many items of the array at a path, or `{max, hard: true}`; "
            "`$` is the answer itself."
        ),
    ] = {}
    paginate: Annotated[
        Paginate | None,
        Doc(description="The list comes in pages, which the gateway follows and joins."),
    ] = None
    encode: Annotated[Encode | None, Doc(description="Overrides the plugin's.")] = None
    budget: Annotated[Budget | None, Doc(description="Overrides the plugin's.")] = None
    cache: Annotated[Cache | None, Doc(description="Overrides the plugin's whole.")] = None
    purges: Annotated[
        list[str],
        Doc(
            description="The operations whose stored answers are forgotten when this one succeeds, "
            "for every caller."
        ),
    ] = []
    limit: Annotated[Rate | None, Doc(description="Overrides the plugin's.")] = None
    timeout: Annotated[Timeout | None, Doc(description="Overrides the upstream's whole.")] = None
    retries: Annotated[Retries | None, Doc(description="Overrides the upstream's.")] = None
    max_bytes: Annotated[Bytes | None, Doc(description="Overrides the upstream's.")] = None


# --- the plugin -----------------------------------------------------------------------------


class Plugin(Block, frozen=True, kw_only=True):
    """One API, served as a plugin."""

    plugin: Annotated[
        str,
        Doc(
            description="The name the model sees; also the path it is served under. Letters and "
            "digits, a letter first, at most 30.",
            pattern="^[A-Za-z][A-Za-z0-9]{0,29}$",
            extra_json_schema={
                "patternErrorMessage": "letters and digits, a letter first, at most 30"
            },
        ),
    ]
    title: Annotated[
        str | None, Doc(description=f"For people, at most {LENGTHS['title']} characters.")
    ] = None
    summary: Annotated[
        str | None, Doc(description=f"For people, at most {LENGTHS['summary']} characters.")
    ] = None
    description: Annotated[
        str | None,
        Doc(
            description=f"For the model, at most {LENGTHS['description']} characters: when to use "
            "it, what to do first."
        ),
    ] = None
    logo: Annotated[str | None, Doc(description="A PNG file beside this one, or a URL.")] = None
    contact: Annotated[str | None, Doc(description="An e-mail address.")] = None
    legal: Annotated[
        str | None, Doc(description="A URL, or a text or HTML file beside this one.")
    ] = None
    hosts: Annotated[
        list[str],
        Doc(description="Also served at the root of these hosts; `'*'` is every host."),
    ] = []
    spec: Annotated[
        str | SpecSource | None,
        Doc(
            description="A file beside this one, a URL, or `{url, headers, refresh}`. Leave it out "
            "and write the operations in full."
        ),
    ] = None
    spec_budget: Annotated[
        int,
        Doc(
            description="Tokens a served spec may cost: what the spec says is shortened until it "
            "fits, and `check` warns where that cannot be.",
            ge=1,
            le=10_000_000,
        ),
    ] = 5000
    upstream: Annotated[Upstream, Doc(description="The API behind.")] = field(
        default_factory=Upstream
    )
    auth: Annotated[Literal["none"] | Auth, Doc(description="How callers prove themselves.")] = (
        "none"
    )
    limit: Annotated[
        Rate | None, Doc(description="Per caller: `30/min` is at most 30 in any 60 s.")
    ] = None
    cache: Annotated[
        Cache | None,
        Doc(
            description="Freshness where the upstream says nothing; `no` turns storing off; "
            "`{ttl, stale, …}` says more."
        ),
    ] = None
    budget: Annotated[
        Budget | None,
        Doc(
            description=f"Tokens per answer, `{{tokens, chars}}`, or `no`: never cut; "
            f"{TOKENS:,} unless given."
        ),
    ] = None
    drop: Annotated[
        Drop,
        Doc(
            description='What to leave out of answers: `empty` (null, "", [] and {}), `nulls`, '
            "`urls`, or paths such as `data.links` and `..self`; a field of that name is `$.urls`."
        ),
    ] = field(default_factory=Drop)
    encode: Annotated[
        Encode,
        Doc(
            description="`table`: arrays of objects as one header and rows, where that is shorter."
        ),
    ] = "json"
    parameters: Annotated[
        Parameters, Doc(description="For every operation that has a parameter of the name.")
    ] = {}
    expose: Annotated[
        Literal["all", "search", "auto"] | None,
        Doc(
            description="`search`: instead of all operations the model sees three, with which it "
            "finds, reads and calls any; `auto`: that, where describing all of them takes more "
            "than `spec_budget`. `all` unless given."
        ),
    ] = None
    structured: Annotated[
        bool | None,
        Doc(
            description="Over MCP: answers as `structuredContent` with an output schema, besides "
            "the text. Both count against `budget`."
        ),
    ] = None
    operations: Annotated[
        Literal["all"] | list[str] | dict[str, Operation | None],
        Doc(
            description="The operations to serve: a list of operationIds, `METHOD /path` and "
            "globs, a mapping of names to settings, or `all`. A glob is a method and a path, such "
            "as `GET /users/**`: `*` is one segment or a part of one, `**` any number; ids take "
            "none."
        ),
    ]
