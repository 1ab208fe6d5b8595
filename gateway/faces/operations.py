"""One operation as an OpenAPI 3.1 Operation Object.

The operator's words are served as they are; the spec's own are shortened, and what changed
is a line of the ledger. Arguments stand where `Argument.served` says. An object in path or
query is a text of JSON, and so is each object in a list: models rarely get any other style
right. `calls` reads them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.faces.components import Components
from gateway.faces.schemas import Changes, Rewriter
from gateway.faces.texts import LONGEST, readable, shorten
from gateway.media import essence, kind
from gateway.plugin import Operation
from gateway.request.files import of_file
from gateway.request.multipart import MULTIPART
from gateway.request.schemas import SCALARS, kinds, resolve
from gateway.shrinking import TEXT
from gateway.values import Argument, Degraded, Schema, SpecBody

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
# Of an object's properties, in the description of a text of JSON; the words come before them.
_TITLE = 60
_SUMMARY = 120  # characters; a summary is one sentence
_SHOWN_NAMES = 12
_SHOWN_CHARACTERS = 100
_LONGEST_EXAMPLE = 200  # characters of JSON; a longer one costs more than it shows
_NO_CONTENT = frozenset({"204", "205"})


def operation_object(
    operation: Operation, components: Components
) -> tuple[dict[str, Any], list[Degraded]]:
    """Write one operation.

    Returns:
        The object, and what was shortened or left out for it.
    """
    return _Writer(operation, components).write()


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an operation, whatever the form it is served in.

    `title` is for people; `arguments` are their schemas with their words, each as JSON, by name.
    """

    title: str
    description: str
    arguments: Mapping[str, Schema]
    ledger: tuple[Degraded, ...]


def told_of(operation: Operation, components: Components) -> Told:
    """Tell an operation in the words and schemas of its Operation Object."""
    return _Writer(operation, components).told()


def answer_of(
    operation: Operation, components: Components
) -> tuple[Schema | None, tuple[Degraded, ...]]:
    """The schema of the answer, None where it is no JSON or nothing is known; and the ledger."""
    return _Writer(operation, components).answer()


class _Writer:
    """Writes one operation and notes what it had to change."""

    def __init__(self, operation: Operation, components: Components) -> None:
        self._operation = operation
        self._components = components
        self._shared = components.shared
        self._notes: list[str] = []
        self._short: list[str] = []  # what was shortened, and how long it was
        self._longest = 0

    def write(self) -> tuple[dict[str, Any], list[Degraded]]:
        """Write it; see `operation_object`."""
        operation = self._operation
        summary, description = self._said()
        parameters = [
            self._parameter(each) for each in operation.arguments if each.served != "body"
        ]
        body = self._body([each for each in operation.arguments if each.served == "body"])
        responses = {
            **self._response(),
            "default": {"$ref": "#/components/responses/Error"},
        }
        served = {
            "operationId": operation.name,
            "summary": summary,
            "description": description,
            "x-openai-isConsequential": operation.consequential,
            **({"parameters": parameters} if parameters else {}),
            **({"requestBody": body} if body else {}),
            "responses": responses,
        }
        return served, self._ledger()

    def told(self) -> Told:
        """Tell it; see `told_of`."""
        _, description = self._said()
        return Told(
            title_of(self._operation),
            description,
            {each.name: self._property(each) for each in self._operation.arguments},
            tuple(self._ledger()),
        )

    def _ledger(self) -> list[Degraded]:
        spec, notes = self._operation.spec, self._notes
        if self._short:
            what = ", ".join(self._short)
            notes = [f"shortened to at most {self._longest} characters: {what}", *notes]
        return [Degraded(f"{spec.method} {spec.key}", note) for note in notes]

    def answer(self) -> tuple[Schema | None, tuple[Degraded, ...]]:
        """Tell the answer; see `answer_of`."""
        operation, reply = self._operation, self._operation.spec.reply
        served: Schema | None = None
        if operation.own or reply.status in _NO_CONTENT or operation.method == "HEAD":
            served = None
        elif kind(reply.content_type) != "json":
            served = TEXT if kind(reply.content_type) != "binary" else None
        elif reply.schema is not None or operation.formed:
            rewriter = self._components.answers[operation.name]
            served = self._rewritten(rewriter, operation.shrinker.schema)
        return served, tuple(self._ledger())

    def _said(self) -> tuple[str, str]:
        """Summary and description. Neither is ever empty: some clients show a summary and never
        the description, others the other way round, and some refuse an operation without."""
        operation = self._operation
        description, summary = (
            operation.description.strip(),
            readable(operation.summary).strip(),
        )
        if not operation.written:
            description = readable(description)
        if operation.written and description:
            # Where the operator has said it better, the spec's summary would only stand in the
            # way; but nothing that the operator wrote is cut.
            first = _first_sentence(description)
            summary = first if len(first) <= _SUMMARY else summary or _as_words(operation)
        first = _first_sentence(summary or description or _as_words(operation))
        summary = shorten(first, _SUMMARY)
        # A description that is no more than a summary is no loss: it is said already.
        longest = max(self._components.scale.texts, len(summary))
        return summary, self._fit(description, "its description", longest) or summary

    def _fit(self, text: str, what: str, longest: int | None = None) -> str:
        longest = self._components.scale.texts if longest is None else longest
        short = self._shared.words.fit(text, longest)
        if short not in (text.strip(), readable(text).strip()):
            self._short.append(f"{what} ({len(text):,})")
            self._longest = max(self._longest, longest)
        return short

    def _parameter(self, argument: Argument) -> dict[str, Any]:
        schema, hint = self._text_form(argument)
        # All that a rewritten schema says here is what became of a long enum.
        told = schema.get("description", "")
        longest = self._components.scale.texts
        room = longest - len(hint) - 1 if hint else longest
        room = min(room, LONGEST - len(told) - 1) if told else room
        said = (self._words(argument, max(0, room)), told, hint)
        words = " ".join(filter(None, said))
        is_query_list = argument.served == "query" and schema.get("type") == "array"
        example = self._example(argument, "example")
        return {
            "name": argument.name,
            "in": argument.served,
            **({"description": words} if words else {}),
            **({"required": True} if argument.required or argument.served == "path" else {}),
            # The defaults of a query parameter, but readers differ in what they assume.
            **({"style": "form", "explode": True} if is_query_list else {}),
            "schema": {key: value for key, value in schema.items() if key != "description"},
            **(_as_text(example) if hint else example),
        }

    def _text_form(self, argument: Argument) -> tuple[Schema, str]:
        """The schema of an argument in path or query, and a hint where it is a text of JSON."""
        upstream = self._shared.upstream
        schema = _one_form(argument, upstream)
        taken = kinds(schema, upstream) - {"null"}
        if taken == {"object"}:
            return {"type": "string"}, f"JSON text of an object{_with(schema, upstream)}."
        if "object" in taken and taken & SCALARS and schema.keys() & {"anyOf", "oneOf"}:
            branch = next((one for one in _forms(schema, upstream) if "properties" in one), {})
            return {"type": "string"}, f"Or JSON text of an object{_with(branch, upstream)}."
        items = schema.get("items", True)
        if schema.get("type") == "array" and kinds(items, upstream) == {"object"}:
            hint = f"Each item is the JSON text of an object{_with(items, upstream)}."
            rest = {key: value for key, value in schema.items() if key != "items"}
            return {**self._schema(rest), "items": {"type": "string"}}, hint
        return self._schema(schema), ""

    def _words(self, argument: Argument, longest: int | None = None) -> str:
        words = argument.description or str(argument.schema.get("description") or "")
        return self._fit(words, f"{argument.name!r}", longest)

    def _example(self, argument: Argument, key: str) -> dict[str, Any]:
        if argument.example is None:
            return {}
        parameters = self._operation.parameters.values()
        own = any(one != "hide" and one.example == argument.example for one in parameters)
        if not own and not self._components.scale.examples:
            return {}
        length = len(json.dumps(argument.example, default=str))
        if length > _LONGEST_EXAMPLE:
            self._notes.append(f"the example of {argument.name!r} is left out: {length} characters")
            return {}
        return {key: [argument.example] if key == "examples" else argument.example}

    def _body(self, arguments: Sequence[Argument]) -> dict[str, Any] | None:
        """The request body: JSON where the upstream takes JSON or a form, else its own type."""
        if not arguments:
            return None
        first, body = arguments[0], self._operation.spec.body
        needed = any(each.required for each in arguments) or (body is not None and body.required)
        if first.source == ():
            schema = self._schema(first.schema)
            words = self._words(first)
            schema = {**schema, **self._example(first, "examples")}
        else:
            required = [each.name for each in arguments if each.required or each.together]
            schema = {
                "type": "object",
                "properties": {each.name: self._property(each) for each in arguments},
                **({"required": required} if required else {}),
            }
            words = ""
        return {
            **({"description": words} if words else {}),
            **({"required": True} if needed else {}),
            "content": self._content(body, arguments, schema),
        }

    def _content(
        self, body: SpecBody | None, arguments: Sequence[Argument], schema: Schema
    ) -> dict[str, Any]:
        if body is None or body.kind in ("json", "form"):
            return {"application/json": {"schema": schema}}
        if body.kind != "multipart":
            return {one: {"schema": schema} for one in (body.content_type, *body.others)}
        types = {one.name: of_file(one.schema) for one in arguments if one.source}
        encoding = {
            name: {"contentType": ", ".join(file["types"])}
            for name, file in types.items()
            if file is not None and file["types"]
        }
        return {MULTIPART: {"schema": schema, **({"encoding": encoding} if encoding else {})}}

    def _property(self, argument: Argument) -> Schema:
        schema = self._schema(argument.schema)
        component = resolve(argument.schema, self._shared.upstream)
        words = self._words(argument)
        if "$ref" in schema:
            # A component that is referred to brings its own words.
            said = str(component.get("description") or "")
            if words == self._shared.words.fit(said, self._components.scale.inputs):
                words = ""
        told = schema.get("description", "")
        if told:
            words = self._shared.words.fit(words, max(0, LONGEST - len(told) - 1))
        words = " ".join(filter(None, (words, told)))
        return {
            **schema,
            **({"description": words} if words else {}),
            **self._example(argument, "examples"),
        }

    def _schema(self, schema: Schema) -> Schema:
        """A request schema. Its own description is left to `_words`."""
        return self._rewritten(self._components.inputs, schema, ("description",))

    def _rewritten(
        self, rewriter: Rewriter, schema: Schema, without: tuple[str, ...] = ()
    ) -> Schema:
        before = rewriter.changes
        served: Schema = rewriter.schema(schema, without)
        self._notes += told(before, rewriter.changes, "in its schemas")
        return served

    def _response(self) -> dict[str, Any]:
        """The response of success: the answer as the gateway sends it."""
        operation, reply = self._operation, self._operation.spec.reply
        status = reply.status if re.fullmatch("2[0-9]{2}", reply.status) else "200"
        words = self._fit(reply.description, "its answer's description") or "Success"
        if status in _NO_CONTENT or operation.method == "HEAD":
            return {status: {"description": words}}
        if kind(reply.content_type) == "json":
            rewriter = self._components.answers[operation.name]
            schema = self._rewritten(rewriter, operation.shrinker.schema)
            name = operation.shrinker.names.announcement
            announced = operation.shrinker.schema.get("properties", {}).get(name)
            if announced and "properties" not in schema:  # the answer is only named
                schema = {**schema, "properties": {name: rewriter.schema(announced)}}
            content = {"application/json": {"schema": schema}}
        elif kind(reply.content_type) != "binary":
            # What comes as JSON all the same is an object where a cut can be told in it.
            certain = TEXT if operation.shrinker.announces else {"properties": TEXT["properties"]}
            content = {"application/json": {"schema": certain}}
        else:
            # It passes as it is, under the type it has.
            said = essence(reply.content_type)
            said = said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"
            content = {said: {"schema": {"type": "string", "format": "binary"}}}
        return {status: {"description": words, "content": content}}


def told(before: Changes, after: Changes, where: str) -> list[str]:
    """What was changed in schemas, for the ledger."""
    shortened, named, enums = (new - old for old, new in zip(before, after, strict=True))
    return [
        *([f"{shortened} descriptions {where} are shortened"] if shortened else []),
        *([f"{named} objects {where} are only named, without their members"] if named else []),
        *([f"{enums} enums {where} are told in words"] if enums else []),
    ]


def _as_text(example: dict[str, Any]) -> dict[str, Any]:
    """The example of an argument that is served as the text of JSON, or as a list of them."""

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(one) for one in value]
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value

    return {key: text(value) for key, value in example.items()}


def title_of(operation: Operation) -> str:
    """One line for people. What the operator wrote stands there whole, or not at all."""
    if operation.written:
        first = _first_sentence(operation.description).rstrip(".")
        if 0 < len(first) <= _TITLE:
            return first
    summary = _first_sentence(readable(operation.summary)).rstrip(".")
    return shorten(summary or _as_words(operation), _TITLE)


def _first_sentence(text: str) -> str:
    return re.split(r"\n|(?<=[.!?])\s", text.strip(), maxsplit=1)[0]


def _as_words(operation: Operation) -> str:
    """What an operation is called, as people would write it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", operation.name).strip()
    return words[:1].upper() + words[1:]


def _one_form(argument: Argument, components: Mapping[str, Schema]) -> Schema:
    """An argument's schema without what no path or query can say: null, one value beside a list."""
    schema = argument.schema
    forms = [form for form in _forms(schema, components) if form.get("type") != "null"]
    chosen = [form for form in forms if form.get("type") == "array"] or forms
    if len(chosen) == 1:
        beside = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        schema = {**chosen[0], **beside}
    if isinstance(schema.get("type"), list):
        types = [each for each in schema["type"] if each != "null"]
        types = ["array"] if "array" in types else types
        schema = {**schema, "type": types[0] if len(types) == 1 else types}
        if "enum" in schema:
            schema["enum"] = [each for each in schema["enum"] if each is not None]
    return schema


def _forms(schema: Schema, components: Mapping[str, Schema]) -> list[Schema]:
    """The members of a union."""
    return [
        resolve(form, components) for form in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    ]


def _with(schema: Any, components: Mapping[str, Schema]) -> str:
    """Name the properties of an object, for a model that has to write its JSON."""
    declared = resolve(schema, components).get("properties")
    names = list(declared) if isinstance(declared, dict) else []
    shown = names[:_SHOWN_NAMES]
    while len(", ".join(shown)) > _SHOWN_CHARACTERS:
        shown.pop()
    more = ["…"] if len(names) > len(shown) else []
    return f" with {', '.join([*shown, *more])}" if shown else ""
