"""What an upstream operation takes, and which of it a config entry means. Pure.

A target is a parameter, a property of a JSON or form body, or such a body as a whole where
its properties cannot be told apart. This module knows the ways to say which one is meant:
its own name first, whatever characters it holds, then `place.name` (`query.id`, `body.a.b`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.config.headers import OURS, TOKEN
from gateway.raw import as_text
from gateway.request.guard import folded
from gateway.request.schemas import Components, at, kinds, or_empty, properties, resolve
from gateway.values import WHOLE_QUERY, Place, Schema, SpecBody, SpecOperation, SpecParameter

PLACES: tuple[Place, ...] = ("path", "query", "header", "cookie", "body")
TEMPLATE = re.compile(r"\{([^{}]*)\}")

# OpenAPI 3.1.1 "Style Examples": the styles in which an empty text is "n/a".
_NEVER_EMPTY = ("deepObject", "spaceDelimited", "pipeDelimited", "tabDelimited", WHOLE_QUERY)
# OpenAPI 3.1 Parameter Object: parameters of these names are to be ignored. `Accept` is left
# to the config, since some upstreams choose their version by it.
IGNORED_HEADERS = frozenset({"authorization", "content-type"})
# What makes another call of a request for some servers, or says who sends it, is sent only if
# the config says so.
_STEERING = re.compile(
    r"x-http-method(-override)?|x-method-override|x-original-(url|method|uri|host)|x-rewrite-url"
    r"|x-forwarded(-.*)?|x-real-ip|forwarded|openai-.*"
)
METHOD_FIELD = "_method"  # of Rails, Laravel, Symfony and Express
FORBIDDEN_HEADERS = IGNORED_HEADERS | OURS | {"cookie"}


@dataclass(frozen=True, slots=True)
class Target:
    """One thing the upstream takes.

    `source` is empty for a body as a whole, and longer than one for a property of an object
    that was taken apart (`apart`, `spread`). `needed` says of such a property, and of a body's,
    for each part of its source, whether the object that holds it, or the body, cannot be
    without it.
    """

    place: Place
    name: str
    source: tuple[str, ...]
    schema: Schema
    required: bool
    description: str = ""
    example: Any = None
    parameter: SpecParameter | None = None
    needed: tuple[bool, ...] = ()

    @property
    def full_name(self) -> str:
        """The name with its place before it: never ambiguous."""
        return "body" if not self.source else f"{self.place}.{self.path}"

    @property
    def wire(self) -> str:
        """The name as it stands in the request."""
        return self.name if self.parameter is None else self.parameter.name

    @property
    def steers(self) -> bool:
        """Whether it decides more than a value: the method, the address or who calls."""
        if self.place == "header":
            return _STEERING.fullmatch(self.wire.lower()) is not None
        return self.place in ("query", "body") and folded(self.wire) == METHOD_FIELD

    @property
    def path(self) -> str:
        """The name with those of the objects that hold it."""
        return ".".join(self.source)

    @property
    def beside(self) -> tuple[str, ...] | None:
        """The object, by its path, that cannot be sent without this; `()` is the body.

        None: every object can. An object that its own owner needs is one with that owner.
        """
        if not self.needed or not self.needed[-1]:
            return None
        end = len(self.needed)
        while end and self.needed[end - 1]:
            end -= 1
        return self.source[:end]

    @property
    def together(self) -> bool:
        """Whether a body, once it is sent, needs this."""
        return self.beside == ()


def targets_of(operation: SpecOperation, components: Components) -> tuple[Target, ...]:
    """All targets of an operation, by place, each place in the spec's order.

    A path parameter that the template lacks is dropped, one that the spec forgot is a string.
    """
    templated = list(dict.fromkeys(TEMPLATE.findall(operation.path)))
    declared = {(p.place, p.name): p for p in operation.parameters}
    found: list[Target] = []
    for name in templated:
        known = declared.get(("path", name))
        found.append(
            _of_parameter(
                known or SpecParameter(name, "path", {"type": "string"}, True, style="simple"),
                components,
            )
        )
    for place in PLACES[1:4]:
        found += [
            _of_parameter(parameter, components)
            for parameter in declared.values()
            if parameter.place == place and _may_be_sent(parameter)
        ]
    return (*found, *_of_body(operation, components))


def _may_be_sent(parameter: SpecParameter) -> bool:
    if parameter.place != "header":
        return True
    name = parameter.name.lower()
    return name not in FORBIDDEN_HEADERS and TOKEN.fullmatch(name) is not None


def _of_parameter(parameter: SpecParameter, components: Components) -> Target:
    # The reference is followed one step, so that whoever serves it sees a list where one is.
    schema = resolve(parameter.schema, components)
    if parameter.allow_empty and parameter.style not in _NEVER_EMPTY:
        schema = or_empty(schema, components)
    source = parameter.within or (parameter.name,)
    return Target(
        parameter.place,
        # A name of the form `filter[status]` is not one to serve.
        parameter.name if parameter.name == source[-1] else "_".join(source),
        source,
        _kept(parameter.schema, schema, components),
        parameter.required or parameter.place == "path",
        parameter.description or as_text(schema.get("description")),
        _example(parameter.example, schema),
        parameter,
        (False, parameter.needed) if parameter.within else (),
    )


def _kept(written: Schema, known: Schema, components: Components) -> Schema:
    """An object's schema stays a reference: thousands of parameters may be of one component."""
    is_object = kinds(known, components) - {"null"} == {"object"}
    is_bare = written.keys() == {"$ref"} and known.keys().isdisjoint(("default", "const", "enum"))
    return written if is_object and is_bare else known


def _of_body(operation: SpecOperation, components: Components) -> Iterable[Target]:
    body = operation.body
    if body is None:
        return
    spread = properties(body.schema, components)
    if spread is None:
        schema = resolve(body.schema, components)
        if schema.get("properties") == {} and schema.get("additionalProperties") is False:
            return  # a form that can hold nothing, as every GET of Stripe's has
        example = _example(None, schema)
        yield Target("body", "body", (), body.schema, body.required, body.description, example)
        return
    members, required = spread
    for name, schema in members.items():
        yield of_property(name, schema, None, name in required, body, components)


def of_property(
    name: str,
    schema: Schema,
    owner: Target | None,
    is_needed: bool,
    body: SpecBody,
    components: Components,
) -> Target:
    """The target of a property: of the body itself, or of an object inside it."""
    known = resolve(schema, components)
    source = (name,) if owner is None else (*owner.source, name)
    needed = (is_needed,) if owner is None else (*owner.needed, is_needed)
    return Target(
        "body",
        name,
        source,
        schema,
        body.required and all(needed),
        as_text(known.get("description")),
        _example(None, known),
        needed=needed,
    )


def _example(given: Any, schema: Schema) -> Any:
    if given is not None:
        return given
    examples = schema.get("examples")
    return examples[0] if isinstance(examples, list) and examples else schema.get("example")


# --- what a config entry means ----------------------------------------------------------------


class Ambiguous(ValueError):
    """More than one target has the name; the text lists the ways to say which."""


def find(
    name: str, targets: Iterable[Target], components: Components
) -> tuple[Target, tuple[str, ...]] | None:
    """The target a name means, and below it the path of a nested body property.

    Raises: Ambiguous.
    """
    known = list(targets)
    exact = [target for target in known if target.source and _is_called(target, name)]
    exact = exact or [target for target in known if not target.source and name == "body"]
    if len(exact) > 1:
        forms = " or ".join(target.full_name for target in exact)
        raise Ambiguous(f"more than one thing is called {name!r} here: write {forms}")
    if exact:
        return exact[0], ()
    place, _, rest = name.partition(".")
    if place not in PLACES or not rest:
        return None
    for target in known:
        if target.place == place and target.source and _is_at(target, rest):
            return target, ()
    return _nested(rest, known, components) if place == "body" else None


def _is_called(target: Target, name: str) -> bool:
    if target.place == "header":  # RFC 9110 section 5.1: names of fields know no case
        return target.name.lower() == name.lower()
    if target.place == "query" and len(target.source) > 1:
        return name in (target.name, target.path, target.wire)
    return target.name == name


def _is_at(target: Target, path: str) -> bool:
    if target.place in ("header", "query"):
        return _is_called(target, path)
    return target.path == path


def _nested(
    dotted: str, targets: list[Target], components: Components
) -> tuple[Target, tuple[str, ...]] | None:
    for target in targets:
        if target.place != "body":
            continue
        if not target.source:
            rest = dotted
        elif dotted.startswith(target.path + "."):
            rest = dotted.removeprefix(target.path + ".")
        else:
            continue
        path = tuple(rest.split("."))
        if at(target.schema, path, components) is not None:
            return target, path
    return None


def names_of(targets: Iterable[Target]) -> list[str]:
    """Every way to name the targets, for suggestions."""
    known = list(targets)
    return [target.name for target in known] + [target.full_name for target in known]


def served_names(shown: Sequence[tuple[Target, str | None]]) -> list[str]:
    """A name for each shown target: the config's, else its own, else a new one.

    Where two places share a name, the earlier place keeps it and the other is called
    `place_name`; the order is path, query, header, cookie, body.
    """
    taken = {given for _, given in shown if given is not None}
    names: list[str] = []
    for target, given in shown:
        name = given or target.name
        if given is None:
            stem = f"{target.place}_{target.name}" if name in taken else name
            name, count = stem, 2
            while name in taken:
                name, count = f"{stem}_{count}", count + 1
            taken.add(name)
        names.append(name)
    return names
