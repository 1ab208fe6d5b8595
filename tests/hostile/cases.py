"""Hostile specs. A case writes its spec at a small size for every run, or at its full size.

To add one: a function that gives the spec's bytes (or a document), with `@case`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.texts import answer, dumped, in_yaml, of_schema, ref, spec

Make = Callable[[int], bytes | dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile spec.

    `says` is in the message where it must be refused; None where it must be read; "?" where
    either will do. `by_url` serves it instead of writing it beside the config. `open` says what
    is still wrong with it.
    """

    name: str
    make: Make
    small: int
    full: int
    says: str | None
    suffix: str = ".json"
    operations: Any = "all"
    by_url: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)
    open: str = ""

    def spec(self, size: int) -> bytes:
        """Its bytes."""
        made = self.make(size)
        return made if isinstance(made, bytes) else dumped(made)


CASES: list[Case] = []


def case(
    small: int = 1, full: int = 0, says: str | None = None, **more: Any
) -> Callable[[Make], Make]:
    """Add a function as a case, under its name."""

    def add(make: Make) -> Make:
        name = more.pop("name", make.__name__.replace("_", "-"))
        CASES.append(Case(name, make, small, full or small, says, **more))
        return make

    return add


# --- YAML -------------------------------------------------------------------------------------

YAML: dict[str, Any] = {"suffix": ".yaml"}


@case(9, says="aliases stand for more than", **YAML)
def alias_bomb(n: int) -> bytes:
    lines = ["x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, n + 1)]
    return in_yaml("\n".join(lines))


@case(6_000, 50_000, says="?", **YAML)
def quadratic_merges(n: int) -> bytes:
    lines = ["x-0: &a0 {k0: 0}"]
    lines += [f"x-{i}: &a{i} {{<<: *a{i - 1}, k{i}: 0}}" for i in range(1, n)]
    return in_yaml("\n".join(lines))


@case(2_000, 20_000, says="aliases stand for more than", **YAML)
def one_mapping_merged_again_and_again(n: int) -> bytes:
    keys = ", ".join(f"k{i}: 0" for i in range(n))
    merges = "\n".join(f"x-{i}: {{<<: [*a, *a, *a]}}" for i in range(n))
    return in_yaml(f"x-a: &a {{{keys}}}\n{merges}")


@case(says="inside its own anchor", **YAML)
def alias_to_itself(n: int) -> bytes:
    return in_yaml("x-a: &a {b: *a}")


@case(30_000, says="nested deeper than", **YAML)
def deep_flow_lists(n: int) -> bytes:
    return in_yaml("x-a: " + "[" * n)


@case(30_000, says="nested deeper than", **YAML)
def deep_flow_mappings(n: int) -> bytes:
    return in_yaml("x-a: " + "{a: " * n)


@case(30_000, says="nested deeper than", **YAML)
def deep_block_lists(n: int) -> bytes:
    return in_yaml("x-a:\n " + "- " * n + "x")


@case(30_000, says="nested deeper than")
def deep_json_lists(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": ' + b"[" * n + b"]" * n + b"}"


@case(30_000, says="nested deeper than")
def deep_json_mappings(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": ' + b'{"a": ' * n + b"1" + b"}" * n + b"}"


@case(190)
def as_deep_as_is_read(n: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(n // 2 - 6):
        schema = {"properties": {"a": schema}}
    return of_schema(schema)


@case(says="given twice", **YAML)
def a_key_given_twice(n: int) -> bytes:
    return in_yaml("paths: {}")


@case()
def a_key_given_twice_in_json(n: int) -> bytes:
    return dumped(spec({"/a": {"get": answer({})}}))[:-1] + b', "info": {"title": "U"}}'


@case(says="a tag that is not known here", **YAML)
def python_tags(n: int) -> bytes:
    return in_yaml("x-a: !!python/object/apply:os.system ['touch /tmp/owned']")


@case(says="only one YAML document", **YAML)
def two_documents(n: int) -> bytes:
    return in_yaml("---\na: 1\n")


@case(200, says="%TAG", **YAML)
def tag_directives(n: int) -> bytes:
    lines = [f"%TAG !{i}! tag:example.com,2000:" for i in range(n)]
    return "\n".join([*lines, "---", "openapi: 3.0.3"]).encode()


# --- text -------------------------------------------------------------------------------------

_BYTES = {"small": 70_000_000, "full": 200_000_000, "says": "67,108,864 bytes"}


def _wordy(n: int) -> bytes:
    return (
        b'{"openapi": "3.0.3", "paths": {}, "info": {"description": "'
        + b"word " * (n // 5)
        + b'"}}'
    )


def _wordy_yaml(n: int) -> bytes:
    return in_yaml("x-a: '" + "word " * (n // 5) + "'")


case(**_BYTES, name="huge-json")(_wordy)
case(**_BYTES, name="huge-yaml", **YAML)(_wordy_yaml)
case(**_BYTES, name="huge-json-by-url", by_url=True)(_wordy)
case(**_BYTES, name="huge-yaml-by-url", by_url=True, **YAML)(_wordy_yaml)


@case(1_000_000, 60_000_000)
def a_long_description(n: int) -> dict[str, Any]:
    operation = {**answer({"description": "word " * (n // 10)}), "description": "w. " * (n // 6)}
    return spec({"/a": {"get": operation}})


@case()
def utf8_mark(n: int) -> bytes:
    return codecs.BOM_UTF8 + dumped(spec({"/a": {"get": answer({})}}))


@case()
def utf16_mark(n: int) -> bytes:
    return codecs.BOM_UTF16_LE + dumped(spec({"/a": {"get": answer({})}})).decode().encode(
        "utf-16-le"
    )


@case(says="?")
def utf16_without_mark(n: int) -> bytes:
    return dumped(spec({"/a": {"get": answer({})}})).decode().encode("utf-16-le")


@case(says="UTF-8", **YAML)
def latin_1(n: int) -> bytes:
    return in_yaml("x-a: caf\xe9").decode().encode("latin-1")


@case(says="U+0000", **YAML)
def nul_in_yaml(n: int) -> bytes:
    return in_yaml("x-a: 'a\0b'")


@case(says="not JSON")
def nul_in_json(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": "a\0b"}'


ODD = "".join(map(chr, [*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0x1F600]))
ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x1b[2J"


@case()
def control_characters_everywhere(n: int) -> dict[str, Any]:
    odd = {ODD: {"type": "string", "description": ODD, "default": ODD, "enum": [ODD]}}
    schema = {"type": "object", "title": ODD, "properties": odd, "required": [ODD]}
    operation = {"summary": ODD, "description": ODD, "operationId": ODD, "tags": [ODD]}
    parameter = {"name": ODD, "in": "query", "description": ODD, "example": ODD}
    document = of_schema(schema)
    document["paths"]["/b"] = {"get": {**answer(schema), **operation, "parameters": [parameter]}}
    document["info"] = {"title": ODD, "description": ODD, "version": ODD}
    return document


@case()
def terminal_escapes_everywhere(n: int) -> dict[str, Any]:
    document = of_schema({"type": ESCAPES, "pattern": ESCAPES, "format": ESCAPES, ESCAPES: 1})
    item = document["paths"]["/a"]
    item["get"] |= {"operationId": ESCAPES, "summary": ESCAPES, "description": ESCAPES}
    item["get"]["parameters"] += [{"name": ESCAPES, "in": ESCAPES}, {"$ref": ESCAPES}]
    item["get"]["responses"]["200"]["content"][ESCAPES] = {}
    document["paths"][f"/{ESCAPES}"] = {"get": answer({}), ESCAPES: {}}
    document["info"] = dict.fromkeys(("title", "description", "version"), ESCAPES)
    return document


@case(says="OpenAPI 3.x and Swagger 2.0 are read")
def terminal_escapes_in_a_message(n: int) -> dict[str, Any]:
    return {"openapi": ESCAPES, "info": {"title": ESCAPES}}


@case(says="surrogate")
def half_a_surrogate_pair(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "info": {"title": "\\ud800"}}'


@case(says="is no JSON number")
def not_a_number(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": NaN}'


@case(says="is no JSON number")
def infinity(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": -Infinity}'


@case(says="too large")
def beyond_any_float(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": 1e400}'


@case(100_000, says="too long to be read")
def a_number_of_many_digits(n: int) -> bytes:
    return b'{"openapi": "3.0.3", "x-a": ' + b"9" * n + b"}"


@case(100_000, says="digits", **YAML)
def a_number_of_many_digits_in_yaml(n: int) -> bytes:
    return in_yaml("x-a: " + "9" * n)


@case(900)
def huge_bounds(n: int) -> dict[str, Any]:
    big = int("9" * n)
    number = {"type": "number", "default": big, "enum": [big, 0.1, -big], "example": big}
    bounds = {"minimum": -big, "maximum": big, "multipleOf": 0.1, "exclusiveMaximum": True}
    sizes = dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "maxProperties"), big)
    return of_schema(
        {
            "properties": {
                "a": {**number, **bounds},
                "b": {"type": "integer", "default": big, "multipleOf": big, "format": "int32"},
                "c": {"default": 1e308, "multipleOf": 1e-308},
                "d": {"type": "string", "default": "", **sizes},
                "e": {"type": "array", "default": [], **sizes},
            }
        }
    )


# --- many -------------------------------------------------------------------------------------


@case(500, 100_000, says="?")
def many_operations(n: int) -> dict[str, Any]:
    return spec({f"/p{i}": {"get": answer({"type": "string"})} for i in range(n)})


@case(500, 100_000, says="?", operations=["GET /**"])
def many_paths_and_a_glob(n: int) -> dict[str, Any]:
    return spec({f"/p{i}": {"get": answer({"type": "string"})} for i in range(n)})


@case(500, 100_000, operations=["GET /p7"])
def one_of_many_operations(n: int) -> dict[str, Any]:
    return spec({f"/p{i}": {"get": answer({"type": "string"})} for i in range(n)})


@case(300_000, 1_000_000, operations=["GET /**/a/**/b", "GET /ok"])
def a_long_path_and_a_glob(n: int) -> dict[str, Any]:
    return spec(
        {"/a" * n: {"get": answer({})}, "/x/a/x/b": {"get": answer({})}, "/ok": {"get": answer({})}}
    )


@case(20_000, 1_000_000)
def one_component_referred_to_often(n: int) -> dict[str, Any]:
    schema = {"properties": {f"p{i}": ref("A") for i in range(n)}}
    return spec(
        {"/a": {"get": answer(schema)}},
        components={"schemas": {"A": {"properties": {"x": {"type": "string"}}}}},
    )


@case(20_000, 1_000_000)
def one_choice_often(n: int) -> dict[str, Any]:
    return spec(
        {"/a": {"get": answer({"anyOf": [ref("A")] * n})}},
        components={"schemas": {"A": {"type": "string"}}},
    )


def _chain(n: int, link: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    schemas: dict[str, Any] = {f"S{i}": link(f"S{i + 1}") for i in range(n)}
    return of_schema(ref("S0"), {**schemas, f"S{n}": {"type": "string"}})


@case(3_000, 100_000)
def a_chain_of_properties(n: int) -> dict[str, Any]:
    return _chain(n, lambda name: {"type": "object", "properties": {"next": ref(name)}})


@case(3_000, 100_000)
def a_chain_of_all_of(n: int) -> dict[str, Any]:
    return _chain(n, lambda name: {"allOf": [ref(name), {"type": "string"}]})


@case(3_000, 100_000)
def a_chain_of_references(n: int) -> dict[str, Any]:
    return _chain(n, ref)


@case(3_000, 100_000)
def a_chain_of_items(n: int) -> dict[str, Any]:
    return _chain(n, lambda name: {"type": "array", "items": ref(name)})


@case(16, 200)
def a_lattice(n: int) -> dict[str, Any]:
    """Each refers twice to the next: 2^n when written out."""
    schemas: dict[str, Any] = {
        f"S{i}": {"properties": {"a": ref(f"S{i + 1}"), "b": ref(f"S{i + 1}")}} for i in range(n)
    }
    return of_schema(ref("S0"), {**schemas, f"S{n}": {"type": "string"}})


@case(16, 200)
def a_lattice_of_all_of(n: int) -> dict[str, Any]:
    schemas: dict[str, Any] = {
        f"S{i}": {"allOf": [ref(f"S{i + 1}"), {"oneOf": [ref(f"S{i + 1}"), {"type": "null"}]}]}
        for i in range(n)
    }
    return of_schema(ref("S0"), {**schemas, f"S{n}": {"properties": {"a": {"type": "string"}}}})


@case(30, 300)
def everything_refers_to_everything(n: int) -> dict[str, Any]:
    schemas = {f"S{i}": {"properties": {f"p{j}": ref(f"S{j}") for j in range(n)}} for i in range(n)}
    return of_schema(ref("S0"), schemas)


@case()
def references_in_a_circle(n: int) -> dict[str, Any]:
    schemas = {"A": ref("B"), "B": ref("C"), "C": ref("A"), "D": {"allOf": [ref("D")]},
               "E": {"not": ref("E"), "items": {"anyOf": [ref("E"), ref("A")]}}}  # fmt: skip
    return of_schema({"oneOf": [ref("A"), ref("D"), ref("E")]}, schemas)


@case(1_000, 100_000)
def a_wide_all_of(n: int) -> dict[str, Any]:
    return of_schema({"allOf": [{"properties": {f"p{i}": {"type": "string"}}} for i in range(n)]})


@case(1_000, 100_000)
def a_wide_one_of(n: int) -> dict[str, Any]:
    return of_schema({"oneOf": [{"properties": {f"p{i}": {"type": "string"}}} for i in range(n)]})


@case(1_000, 20_000)
def one_of_within_all_of(n: int) -> dict[str, Any]:
    choice = {"oneOf": [{"required": [f"p{i}"]} for i in range(n)]}
    return of_schema({"allOf": [choice, choice], "required": [f"p{i}" for i in range(n)]})


@case(20_000, 1_000_000)
def a_long_enum(n: int) -> dict[str, Any]:
    return of_schema({"type": "string", "enum": [f"v{i}" for i in range(n)]})


@case(2_000, 100_000)
def a_long_enum_of_mappings(n: int) -> dict[str, Any]:
    return of_schema({"enum": [{"v": i} for i in range(n)], "default": {"v": n}})


@case(1_000, 100_000)
def many_properties(n: int) -> dict[str, Any]:
    properties = {f"p{i}": {"type": "string"} for i in range(n)}
    return of_schema({"properties": properties, "required": list(properties)})


@case(500, 10_000)
def many_parameters(n: int) -> dict[str, Any]:
    parameters = [{"name": f"p{i}", "in": "query", "schema": {}} for i in range(n)]
    return spec({"/a": {"get": {**answer({}), "parameters": parameters}}})


@case(2_000, 100_000)
def one_parameter_often(n: int) -> dict[str, Any]:
    parameters = [{"name": "p", "in": "query", "schema": {}}] * n
    return spec({"/a": {"get": {**answer({}), "parameters": parameters}}})


@case(1_000, 10_000, says="?")
def many_braces(n: int) -> dict[str, Any]:
    return spec({"/" + "{a}" * n: {"get": answer({})}, "/{" * n: {"get": answer({})},
                 "/" + "".join(f"{{p{i}}}-" for i in range(n)): {"get": answer({})},
                 "/ok": {"get": answer({})}})  # fmt: skip


@case(100_000, 1_000_000)
def a_long_operation_id(n: int) -> dict[str, Any]:
    return spec({"/a": {"get": {**answer({}), "operationId": "a-" * (n // 2)}}})


@case(100_000, 1_000_000)
def long_names(n: int) -> dict[str, Any]:
    name = "n" * n
    parameter = {"name": name, "in": "query", "schema": {"type": name, "format": name}}
    schema = {"properties": {name: ref(name)}, "required": [name], "title": name}
    document = of_schema(ref(name), {name: schema})
    document["paths"]["/a"]["get"]["parameters"].append(parameter)
    return document


@case(1_000, 100_000)
def many_servers(n: int) -> dict[str, Any]:
    servers = [
        {"url": "https://{" + f"v{i}" + "}.example.com", "variables": {f"v{i}": {"default": "x"}}}
        for i in range(n)
    ]
    return spec({"/a": {"get": answer({})}}, servers=servers)


@case(200, 10_000)
def many_media_types(n: int) -> dict[str, Any]:
    content = {f"application/x-{i}": {"schema": {}} for i in range(n)}
    return spec({"/a": {"get": {"responses": {"200": {"content": content}}}}})


@case(500, 50_000)
def many_targets_of_a_discriminator(n: int) -> dict[str, Any]:
    mapping = {f"v{i}": f"S{i}" for i in range(n)}
    schemas: dict[str, Any] = {f"S{i}": {"allOf": [ref("Base")]} for i in range(n)}
    schemas["Base"] = {"discriminator": {"propertyName": "kind", "mapping": mapping}}
    return of_schema(ref("Base"), schemas)


@case(30, 3_000)
def objects_in_a_query(n: int) -> dict[str, Any]:
    """Each of all its properties: n times n arguments."""
    members = {f"p{i}": {"type": "string"} for i in range(n)}
    schemas = {"A": {"type": "object", "properties": members}}
    parameters = [
        {"name": f"q{i}", "in": "query", "style": "deepObject", "schema": ref("A")}
        for i in range(n)
    ]
    get = {**answer({}), "parameters": parameters}
    return spec({"/a": {"get": get}}, components={"schemas": schemas})


@case(40, 5_000)
def query_string_of_forms_within_forms(n: int) -> dict[str, Any]:
    """Each composed of the next, twice: 2^n ways."""
    schemas: dict[str, Any] = {
        f"F{i}": {"allOf": [ref(f"F{i + 1}")] * 2, "properties": {f"p{i}": {"type": "string"}}}
        for i in range(n)
    }
    schemas[f"F{n}"] = {"type": "object"}
    content = {"application/x-www-form-urlencoded": {"schema": ref("F0")}}
    get = {**answer({}), "parameters": [{"name": "q", "in": "querystring", "content": content}]}
    return spec({"/a": {"get": get}}, components={"schemas": schemas})


# --- what is run ------------------------------------------------------------------------------

EVIL = ("^(a+)+$", "^(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){25}", "^(?:a?){40}a{40}$",
        "(?=(a+)+$)a", "^(\\w+\\s?)*$", "(a{1,30000}){1,30000}", "(?i)^(a+)+$",
        "(((((a*)*)*)*)*)*$")  # fmt: skip


@case(40, 100_000)
def regexes_that_run_for_ever(n: int) -> dict[str, Any]:
    text = "a" * n + "!"
    return of_schema(
        {
            "properties": {
                f"p{i}": {
                    "type": "string",
                    "pattern": one,
                    "default": text,
                    "example": text,
                    "enum": [text],
                }
                for i, one in enumerate(EVIL)
            },
            "patternProperties": {one: {"default": {text: 1}} for one in EVIL},
            "default": {text: text, **{f"p{i}": text for i in range(len(EVIL))}},
        },
        openapi="3.1.0",
    )


@case(1_000, 1_000_000)
def long_regexes(n: int) -> dict[str, Any]:
    patterns = [
        "(" * n,
        "a" * n,
        "[" * n,
        "(a" * (n // 4) + ")" * (n // 4),
        "a{1,1000}" * (n // 90),
    ]
    return of_schema({"properties": {f"p{i}": {"pattern": one} for i, one in enumerate(patterns)}})


# --- odd --------------------------------------------------------------------------------------

PROTO = ("__proto__", "constructor", "toString", "__class__", "__init__", "hasOwnProperty", "$ref")


@case()
def names_that_mean_something_elsewhere(n: int) -> dict[str, Any]:
    properties = {one: {"type": "string", "description": one} for one in PROTO}
    document = of_schema({"properties": properties, "required": [*PROTO]}, {o: {} for o in PROTO})
    parameters = [{"name": one, "in": "query", "schema": {}} for one in PROTO]
    for one in PROTO:
        document["paths"]["/" + one] = {
            "get": {"operationId": one, "parameters": parameters, **answer(ref(one))}
        }
    return document


@case(says="expected a mapping of paths")
def paths_as_a_list(n: int) -> dict[str, Any]:
    return spec([{"/a": {}}])  # type: ignore[arg-type]


@case(says="an AsyncAPI document")
def another_kind_of_document(n: int) -> dict[str, Any]:
    return {"asyncapi": "2.0.0"}


@case(says="no operations")
def no_operations(n: int) -> dict[str, Any]:
    return spec({})


@case()
def paths_that_are_ours(n: int) -> dict[str, Any]:
    ours = (
        "/",
        "/openapi.json",
        "/mcp",
        "/call/x",
        "/.well-known/x",
        "/legal",
        "//",
        "/../x",
        "/%2e%2e",
    )
    return spec({one: {"get": answer({}), "post": answer({})} for one in ours})


@case(says="empty")
def an_empty_file(n: int) -> bytes:
    return b""


@case(1_000_000, 60_000_000, says="?", **YAML)
def blanks(n: int) -> bytes:
    return b" \n" * (n // 2)


@case(100_000, 5_000_000, says="?", **YAML)
def a_list_without_end(n: int) -> bytes:
    return b"- a\n" * n
