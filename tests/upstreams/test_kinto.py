"""Kinto through the gateway: writes, preconditions, filters, and its own JSON errors."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.conftest import Client, Response, Serve
from tests.upstreams.conftest import KINTO, GatewayFor

pytestmark = pytest.mark.upstreams

PASSWORD = "the-operators-kinto-password"


class Notes:
    """A collection of its own, through the gateway."""

    def __init__(self, client: Client, collection: str) -> None:
        self.client = client
        self.collection = collection

    async def call(self, operation: str, **arguments: Any) -> Response:
        arguments = {"collection": self.collection, **arguments}
        answer = await self.client.post(f"/call/{operation}", json=arguments)
        assert PASSWORD not in answer.body.decode()
        return answer

    async def write(self, name: str, **data: Any) -> dict[str, Any]:
        """Write a note as a whole; what it is now."""
        answer = await self.call("replaceNote", id=name, data=data)
        assert answer.status in (200, 201), answer.body
        written: dict[str, Any] = answer.json()["data"]
        return written


@pytest.fixture
async def notes(gateway_for: GatewayFor, kinto: str) -> Notes:
    client = await gateway_for("kinto.yaml", {KINTO: kinto}, env={"KINTO_PASSWORD": PASSWORD})
    notes = Notes(client, f"c{uuid.uuid4().hex[:12]}")
    made = await client.post("/call/makeBucket", json={"data": {}})
    assert made.status in (200, 201), made.body
    made = await notes.call("makeCollection", data={})
    assert made.status == 201, made.body
    return notes


def tag(note: dict[str, Any]) -> str:
    """Kinto's entity tag of a note."""
    return f'"{note["last_modified"]}"'


async def test_the_specs_own_server_is_trusted_because_it_is_where_the_spec_came_from(
    notes: Notes, kinto: str
) -> None:
    plugin = notes.client.gateway.door.sites[0].plugin
    assert plugin is not None
    assert plugin.base == f"{kinto}/v1"
    assert [line for line in plugin.ledger if line.lost] == []


@pytest.mark.parametrize("version", ["3.0", "3.1"])
async def test_the_served_spec_is_valid(notes: Notes, version: str) -> None:
    validate((await notes.client.get(f"/openapi.json?version={version}")).json())


async def test_the_three_line_form_serves_all_of_kinto(serve: Serve, kinto: str) -> None:
    client = await serve(f"plugin: kinto\nspec: {kinto}/v1/__api__\noperations: all\n")
    validate((await client.get("/openapi.json")).json())
    assert (await client.post("/call/server_info", json={})).json()["project_name"] == "kinto"


async def test_a_note_is_created_read_replaced_changed_and_deleted(notes: Notes) -> None:
    created = await notes.call("createNote", data={"title": "one", "size": 1})
    assert created.status == 201
    name = created.json()["data"]["id"]
    read = await notes.call("getNote", id=name)
    assert read.json()["data"]["title"] == "one"
    await notes.write(name, title="two")
    changed = await notes.call("changeNote", id=name, data={"size": 3})
    assert changed.json()["data"] == {"size": 3}  # the pinned Response-Behavior: light
    read = await notes.call("getNote", id=name)
    assert (read.json()["data"]["title"], read.json()["data"]["size"]) == ("two", 3)
    deleted = await notes.call("deleteNote", id=name)
    assert deleted.json()["data"]["deleted"] is True
    assert (await notes.call("getNote", id=name)).status == 404


async def test_an_operation_whose_path_is_partly_pinned_is_served_at_its_name(
    notes: Notes,
) -> None:
    target = f"/createNote?collection={notes.collection}"
    created = await notes.client.post(target, json={"data": {"title": "one"}})
    assert created.status == 201
    assert (await notes.call("listNotes")).json()["data"][0]["title"] == "one"


async def test_a_known_entity_tag_gives_304_with_no_body(notes: Notes) -> None:
    note = await notes.write("n1", title="one")
    answer = await notes.call("getNote", id="n1", **{"If-None-Match": tag(note)})
    assert (answer.status, answer.body) == (304, b"")
    answer = await notes.call("listNotes", **{"If-None-Match": tag(note)})
    assert (answer.status, answer.body) == (304, b"")
    await notes.write("n1", title="two")
    answer = await notes.call("getNote", id="n1", **{"If-None-Match": tag(note)})
    assert answer.json()["data"]["title"] == "two"


async def test_a_stale_entity_tag_gives_412_and_kintos_own_words(notes: Notes) -> None:
    first = await notes.write("n1", title="one")
    second = await notes.write("n1", title="two")
    answer = await notes.call("replaceNote", id="n1", data={}, **{"If-Match": tag(first)})
    assert answer.status == 412
    assert answer.json()["details"]["existing"]["title"] == "two"
    answer = await notes.call("changeNote", id="n1", data={"size": 1}, **{"If-Match": tag(first)})
    assert answer.status == 412
    answer = await notes.call(
        "replaceNote", id="n1", data={"title": "three"}, **{"If-Match": tag(second)}
    )
    assert answer.status == 200


async def test_only_where_there_is_none_is_written_once(notes: Notes) -> None:
    arguments = {"id": "n1", "data": {"title": "one"}, "If-None-Match": "*"}
    assert (await notes.call("replaceNote", **arguments)).status == 201
    assert (await notes.call("replaceNote", **arguments)).status == 412


async def test_filters_arrive_as_kinto_reads_them(notes: Notes) -> None:
    written = [await notes.write(f"n{size}", title="x", size=size) for size in (1, 2, 3)]
    answer = await notes.call("listNotes", sort=["-size"], limit=2)
    assert [note["size"] for note in answer.json()["data"]] == [3, 2]
    answer = await notes.call("listNotes", sort=["title", "size"], only=["size"])
    assert [note["size"] for note in answer.json()["data"]] == [1, 2, 3]
    assert all(note.keys() == {"id", "size", "last_modified"} for note in answer.json()["data"])
    answer = await notes.call("listNotes", since=written[1]["last_modified"])
    assert [note["id"] for note in answer.json()["data"]] == ["n3"]


async def test_only_the_fields_that_the_plugin_names_are_answered(notes: Notes) -> None:
    await notes.write("n1", title="one", size=1, secret="not for the model")
    (note,) = (await notes.call("listNotes")).json()["data"]
    assert note.keys() == {"id", "title", "size", "last_modified"}


async def test_kintos_json_errors_pass_as_they_are(notes: Notes) -> None:
    missing = await notes.call("getNote", id="none")
    assert (missing.status, missing.json()["errno"]) == (404, 110)
    assert missing.headers["Content-Type"].startswith("application/json")
    wrong = await notes.call("createNote", data={"id": "no id!"})
    assert (wrong.status, wrong.json()["errno"]) == (400, 107)


@pytest.mark.parametrize(
    "arguments", [{"bucket_id": "other"}, {"_token": "x"}, {"_before": 1, "x": 2}]
)
async def test_what_is_pinned_hidden_or_unknown_is_refused(
    notes: Notes, arguments: dict[str, Any]
) -> None:
    answer = await notes.call("listNotes", **arguments)
    assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")


async def test_a_bucket_of_somebody_else_is_not_the_callers_fault(
    notes: Notes, serve: Serve, kinto: str
) -> None:
    client = await serve(
        f"""
        plugin: others
        contact: a@example.com
        spec: {kinto}/v1/__api__
        upstream: {{credential: {{basic: {{username: mallory, password: "${{KEY}}"}}}}}}
        operations: [get_bucket]
        """,
        env={"KEY": "another-password"},
    )
    answer = await client.get("/buckets/notes")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")


async def test_under_user_auth_everyone_is_who_they_say_and_refused_as_such(
    notes: Notes, serve: Serve, kinto: str
) -> None:
    client = await serve(
        f"""
        plugin: mine
        contact: a@example.com
        spec: {kinto}/v1/__api__
        auth: {{user: {{scheme: basic}}}}
        operations: [get_bucket, update_bucket]
        """
    )

    def as_(name: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:pass".encode()).decode()}

    bucket = f"/buckets/b{uuid.uuid4().hex[:12]}"
    assert (await client.get(bucket)).status == 401
    made = await client.request("PUT", bucket, json={"data": {"of": "ada"}}, headers=as_("ada"))
    assert made.status == 201
    assert (await client.get(bucket, headers=as_("ada"))).json()["data"]["of"] == "ada"
    answer = await client.get(bucket, headers=as_("bob"))
    assert (answer.status, answer.json()["errno"]) == (403, 121)


async def test_what_kinto_says_not_to_store_is_fetched_each_time(notes: Notes) -> None:
    await notes.write("n1", title="one")
    assert (await notes.call("getNote", id="n1")).json()["data"]["title"] == "one"
    await notes.write("n1", title="two")
    answer = await notes.call("getNote", id="n1")
    assert answer.json()["data"]["title"] == "two"
    assert "hit" not in answer.headers.get("Cache-Status", "")
