"""The tools face: the documents, and OpenAI's strict mode."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.faces.strict import NotStrictError, strict
from gateway.faces.tools import listing
from tests.conftest import Serve, Upstream
from tests.faces.test_tool import in_place, of_spec

CONFIG = """
plugin: notes
upstream: {{url: {url}}}
operations:
  findNotes:
    call: GET /notes
    description: Find notes.
    parameters:
      word: {{in: query, type: string, description: A word in it., example: milk}}
      limit: {{in: query, type: integer, minimum: 1, default: 10}}
  addNote:
    call: POST /notes
    description: Add a note.
    body:
      type: object
      required: [text]
      properties:
        text: {{type: string, x-mcp-header: Text}}
        due: {{type: string, format: date}}
        place:
          type: object
          required: [name]
          properties: {{name: {{type: string}}, floor: {{type: integer}}}}
"""


async def tools(serve: Serve, upstream: Upstream, target: str) -> Any:
    client = await serve(CONFIG.format(url=upstream.url))
    response = await client.get(f"/notes/tools.json?for={target}")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    again = await client.get(
        f"/notes/tools.json?for={target}", headers={"If-None-Match": response.headers["ETag"]}
    )
    assert again.status == 304
    return response.json()


async def test_openai_gets_flat_functions_that_are_strict(serve: Serve, upstream: Upstream) -> None:
    find, add, _more = await tools(serve, upstream, "openai")
    assert {key: find[key] for key in ("type", "name", "description", "strict")} == {
        "type": "function",
        "name": "findNotes",
        "description": "Find notes.",
        "strict": True,
    }
    assert find["parameters"] == {
        "type": "object",
        "properties": {
            "word": {
                "description": 'A word in it. Example: "milk".',
                "anyOf": [{"type": "string"}, {"type": "null"}],
            },
            "limit": {
                "description": "Default: 10.",
                "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
            },
        },
        "required": ["word", "limit"],
        "additionalProperties": False,
    }
    place = add["parameters"]["properties"]["place"]["anyOf"][0]
    assert place["required"] == ["name", "floor"]
    assert place["properties"]["floor"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert add["parameters"]["properties"]["text"] == {"type": "string"}


async def test_anthropic_and_gemini_get_the_portable_schema(
    serve: Serve, upstream: Upstream
) -> None:
    anthropic = await tools(serve, upstream, "anthropic")
    assert set(anthropic[1]) == {"name", "description", "input_schema"}
    assert anthropic[1]["input_schema"]["required"] == ["text"]
    assert "x-mcp-header" not in json.dumps(anthropic)


async def test_gemini_gets_one_tool_of_declarations(serve: Serve, upstream: Upstream) -> None:
    ((gemini,),) = [await tools(serve, upstream, "gemini")]
    assert [one["name"] for one in gemini["functionDeclarations"]] == [
        "findNotes",
        "addNote",
        "getMore",
    ]
    schema = gemini["functionDeclarations"][0]["parametersJsonSchema"]
    assert schema["properties"]["limit"] == {"type": "integer", "minimum": 1, "default": 10}


@pytest.mark.parametrize("query", ["", "?for=", "?for=mistral", "?version=openai"])
async def test_whoever_does_not_say_which_api_is_told_the_three(
    serve: Serve, upstream: Upstream, query: str
) -> None:
    client = await serve(CONFIG.format(url=upstream.url))
    response = await client.get("/notes/tools.json" + query)
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    for target in ("openai", "anthropic", "gemini"):
        assert f"/tools.json?for={target}" in response.json()["detail"]


async def test_a_strict_call_says_null_for_what_it_leaves_out(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(CONFIG.format(url=upstream.url))
    call = {"text": "Buy milk", "due": None, "place": {"name": "home", "floor": None}}
    assert (await client.post("/notes/call/addNote", json=call)).status == 200
    assert json.loads(upstream.last.body) == {"text": "Buy milk", "place": {"name": "home"}}
    assert (
        await client.post("/notes/call/findNotes", json={"word": None, "limit": None})
    ).status == 200
    assert upstream.last.target == "/notes?limit=10"


async def test_the_rest_of_an_answer_is_had_with_nulls_as_well(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says([{"id": number, "text": "words " * 200} for number in range(200)])
    client = await serve(CONFIG.format(url=upstream.url))
    answer = (await client.post("/notes/call/findNotes", json={"word": None})).json()
    handle = answer["_shrunk"]["more"]["handle"]
    given = {"handle": handle, "path": "items", "offset": None, "count": None}
    rest = await client.post("/notes/call/getMore", json=given)
    assert rest.status == 200, rest.body


# --- strict -------------------------------------------------------------------------------------


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (closed(a={"type": "object"}), "members are not described"),
        (closed(a={"type": "object", "additionalProperties": {"type": "string"}}), "any name"),
        (closed(a={"anyOf": [{"type": "string"}, {"type": "null"}]}), "null or left out"),
        (
            closed(a={**closed(b={"type": "string"}), "anyOf": [closed(c={"type": "string"})]}),
            "several forms",
        ),
        (
            closed(a={"type": "string", "enum": [str(one) for one in range(1001)]}),
            "values of enums",
        ),
        (
            closed(a={"type": "string", "enum": ["v" * 61 + str(one) for one in range(251)]}),
            "the enum",
        ),
        (closed(**{"n" * 121 + str(one): {"type": "string"} for one in range(1000)}), "characters"),
        (closed(**{f"p{one}": {"type": "string"} for one in range(5001)}), "properties, at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_strict_mode_cannot_take_is_told(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotStrictError, match=reason):
        strict(schema)


def test_more_than_ten_levels_are_not_strict() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return closed(a=nested(levels - 1) if levels else {"type": "string"})

    strict(nested(8))
    with pytest.raises(NotStrictError, match="10 levels"):
        strict(nested(10))


def test_null_outside_a_body_is_the_same_as_nothing() -> None:
    schema = closed(a={"anyOf": [{"type": "string"}, {"type": "null"}]})
    assert strict(schema, ["a"])["properties"]["a"] == schema["properties"]["a"]


def test_recursion_is_strict() -> None:
    node = closed(next={"$ref": "#/$defs/Node"})
    served = strict({**closed(node={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}})
    form = {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    assert served["properties"]["node"] == served["$defs"]["Node"]["properties"]["next"] == form


def test_what_is_not_strict_says_so_and_why() -> None:
    plugin = in_place(
        tag={
            "call": "POST /tags",
            "body": {"type": "object", "properties": {"labels": {"type": "object"}}},
        }
    )
    one = listing(plugin, "openai").tools[0]
    assert (one.strict, one.form["strict"]) == (False, False)
    assert one.notes[-1] == "not strict: 'labels' is an object whose members are not described"
    assert "labels" not in one.form["parameters"].get("required", ())


def test_a_name_that_gemini_does_not_take_is_noted() -> None:
    parameter = {"name": "a.b", "in": "query", "schema": {"type": "string"}}
    plugin = of_spec(
        {"/x": {"get": {"operationId": "get", "parameters": [parameter], "responses": {}}}}
    )
    one = listing(plugin, "gemini").tools[0]
    assert "Gemini takes letters" in one.notes[-1]
    assert "a.b" in one.notes[-1]


def test_a_name_for_which_anthropic_refuses_all_is_noted() -> None:
    names = ["ids[]", "$filter", "\u202eb", "n" * 65]
    parameters = [{"name": one, "in": "query", "schema": {"type": "string"}} for one in names]
    fine = [{"name": "a.b-c_" + "n" * 58, "in": "query", "schema": {"type": "string"}}]
    for given, notes in ((fine, 0), (parameters, 1)):
        plugin = of_spec(
            {"/x": {"get": {"operationId": "get", "parameters": given, "responses": {}}}}
        )
        one = listing(plugin, "anthropic").tools[0]
        assert len(one.notes) == notes
        assert list(one.form["input_schema"]["properties"]) == [each["name"] for each in given]
    assert one.notes[0].endswith(f": 'ids[]', '$filter', '\\u202eb', '{'n' * 65}'")


def test_a_long_name_is_noted() -> None:
    plugin = in_place(**{"n" * 41: {"call": "GET /x"}})
    assert "41 characters" in listing(plugin, "anthropic").tools[0].notes[0]
