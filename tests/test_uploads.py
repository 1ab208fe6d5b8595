"""Bodies that are no JSON arrive at a real upstream as its spec says, however they came in."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from tests.conftest import Client, Received, Serve, Upstream

PNG = bytes(range(256)) + b"\r\n--boundary--\r\n"
SPEC = """
openapi: 3.0.3
info: {title: Shop, version: "1"}
paths:
  /pets/{id}/photo:
    post:
      operationId: addPhoto
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Photo"}
          multipart/form-data:
            schema: {$ref: "#/components/schemas/Photo"}
            encoding:
              photo: {contentType: "image/png, image/jpeg", headers: {X-Size: {schema: {}}}}
      responses: {"200": {description: ok}}
  /notes:
    put:
      operationId: putNote
      requestBody: {content: {application/xml: {schema: {type: object, properties: {a: {}}}}}}
      responses: {"200": {description: ok}}
  /blob:
    put:
      operationId: putBlob
      requestBody: {required: true, content: {application/octet-stream: {schema: {}}}}
      responses: {"200": {description: ok}}
  /cover:
    put:
      operationId: putCover
      requestBody:
        content:
          image/jpeg: {schema: {type: string, format: byte}}
          image/png: {schema: {type: string, format: byte}}
      responses: {"200": {description: ok}}
  /image:
    put:
      operationId: putImage
      requestBody: {required: true, content: {image/*: {schema: {type: string, format: binary}}}}
      responses: {"200": {description: ok}}
  /open:
    post:
      operationId: open
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              properties: {doc: {type: string, format: binary}, role: {type: string}}
              additionalProperties: true
      responses: {"200": {description: ok}}
components:
  schemas:
    Bytes: {type: string, format: binary}
    Photo:
      type: object
      required: [photo, title]
      properties:
        title: {type: string, maxLength: 20}
        photo: {$ref: "#/components/schemas/Bytes"}
        more: {type: array, items: {$ref: "#/components/schemas/Bytes"}}
        tags: {type: array, items: {type: string}}
        count: {type: integer}
        place: {type: object, properties: {city: {type: string}}}
        owner: {type: string}
        secret: {type: string}
"""
CONFIG = """
plugin: shop
spec: spec.yaml
upstream: {{url: "{url}"}}
cache: no
operations:
  addPhoto:
    parameters:
      owner: {{pin: ada}}
      secret: hide
  putNote:
  putBlob:
  putImage:
  putCover:
  open:
    parameters:
      body.role: {{pin: reader}}
"""


async def _shown(request: web.BaseRequest) -> web.Response:
    """What aiohttp's own parser makes of a request."""
    fields: list[Any] = []
    if request.content_type == "multipart/form-data":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                data = base64.b64encode(value.file.read()).decode()
                fields.append([name, value.filename, value.content_type, data])
            else:
                text = value if isinstance(value, str) else bytes(value).decode()
                fields.append([name, text])
        return web.json_response({"fields": fields})
    data = base64.b64encode(await request.read()).decode()
    return web.json_response({"type": request.headers.get("Content-Type"), "data": data})


class Reading(Upstream):
    """An upstream whose server itself reads the body."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.received.append(Received(request.method, request.raw_path, request.headers, b""))
        return await _shown(request)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    reading = Reading()
    async with RawTestServer(reading.handle) as server:
        reading.url = f"http://127.0.0.1:{server.port}"
        yield reading


@pytest.fixture
async def client(serve: Serve, upstream: Upstream) -> Client:
    return await serve(CONFIG.format(url=upstream.url), files={"spec.yaml": SPEC})


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def called(client: Client, operation: str, **arguments: Any) -> Any:
    response = await client.post(f"/call/{operation}", json=arguments)
    assert response.status == 200, response.body
    return response.json()


async def refused(client: Client, operation: str, **arguments: Any) -> str:
    response = await client.post(f"/call/{operation}", json=arguments)
    assert response.status == 400, response.body
    detail: str = response.json()["detail"]
    return detail


# --- multipart --------------------------------------------------------------------------------


async def test_every_kind_of_property_arrives_as_its_part(client: Client) -> None:
    answer = await called(
        client,
        "addPhoto",
        id=7,
        count=3,
        title='Ünï "x"',
        tags=["a", "b"],
        place={"city": "Paris"},
        photo=f"data:image/png;name=cat.png;base64,{b64(PNG)}",
        more=[{"data": b64(b"1"), "type": "text/plain", "name": "1.txt"}, b64(b"2")],
    )
    assert answer["fields"] == [
        ["title", 'Ünï "x"'],
        ["photo", "cat.png", "image/png", b64(PNG)],
        ["more", "1.txt", "text/plain", b64(b"1")],
        ["more", "file", "application/octet-stream", b64(b"2")],
        ["tags", "a"],
        ["tags", "b"],
        ["count", "3"],
        ["place", '{"city":"Paris"}'],
        ["owner", "ada"],
    ]


async def test_a_call_at_its_own_address_may_be_multipart(client: Client) -> None:
    form = aiohttp.FormData()
    form.add_field("title", "Cat")
    form.add_field("photo", PNG, filename="c.png", content_type="image/png")
    form.add_field("more", b"1", filename="1.bin")
    form.add_field("tags", "a,b")
    form.add_field("count", "3")
    form.add_field("place", '{"city": "Rome"}')
    response = await client.post("/pets/7/photo", data=form)
    assert response.status == 200, response.body
    assert response.json()["fields"] == [
        ["title", "Cat"],
        ["photo", "c.png", "image/png", b64(PNG)],
        ["more", "1.bin", "application/octet-stream", b64(b"1")],
        ["tags", "a,b"],
        ["count", "3"],
        ["place", '{"city":"Rome"}'],
        ["owner", "ada"],
    ]
    as_json = {"title": "Cat", "photo": b64(b"x")}
    response = await client.post("/pets/7/photo", json=as_json)
    assert response.json()["fields"][1] == ["photo", "file.png", "image/png", b64(b"x")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "a" * 21, "photo": b"x"}, "'title' expected at most 20 characters"),
        ({"photo": b"x"}, "'title' is required"),
        ({"title": "a"}, "'photo' is required"),
        ({"title": "a", "photo": b"x", "count": "many"}, "'count' expected an integer"),
        ({"title": "a", "photo": b"x", "owner": "eve"}, "'owner' is set by this plugin"),
        ({"title": "a", "photo": b"x", "secret": "s"}, "'secret' is not offered"),
        ({"title": "a", "photo": b"x", "zzz": "s"}, "'zzz' is not an argument"),
        ({"title": "a", "photo": b"x", 'owner"; x="': "s"}, "is not an argument"),
        ({"title": b"\xff", "photo": b"x"}, "'title' is a text here, and is not UTF-8"),
    ],
)
async def test_the_other_parts_are_still_checked(
    client: Client, upstream: Upstream, fields: Mapping[str, str | bytes], said: str
) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        is_file = isinstance(value, bytes)
        form.add_field(name, value, filename="f.png" if is_file else None)
    response = await client.post("/pets/7/photo", data=form)
    assert response.status == 400
    assert said in response.json()["detail"]
    assert upstream.received == []


async def test_a_name_said_twice_is_refused_unless_it_is_a_list(client: Client) -> None:
    form = aiohttp.FormData([("title", "a"), ("title", "b")])
    form.add_field("photo", b"x", filename="f")
    response = await client.post("/pets/7/photo", data=form)
    assert "'title' is given more than once" in response.json()["detail"]


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        ("a picture of a cat", "'photo' takes a file: a data URL such as"),
        ("", "takes a file"),
        (5, "takes a file"),
        ({"url": "https://example.com/cat.png"}, "takes a file"),
        ([b64(b"x")], "takes a file"),
        ({"data": b64(b"x"), "name": "a\r\nX-Evil: 1"}, "has control characters in its name"),
        ({"data": b64(b"x"), "type": "a/b\r\nX-Evil: 1"}, "is no media type"),
        ({"data": b64(b"x"), "type": "text/html"}, "must be image/png or image/jpeg"),
        (None, "'photo' is required"),
    ],
)
async def test_what_is_no_file_is_refused_with_what_is_accepted(
    client: Client, upstream: Upstream, photo: Any, said: str
) -> None:
    assert said in await refused(client, "addPhoto", id=1, title="a", photo=photo)
    assert upstream.received == []


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fake\\cat.png", "cat.png"),
        ("猫 ü.png", "猫 ü.png"),
        ('a"; name="owner', "a%22; name=%22owner"),
        ("..", "file.png"),
    ],
)
async def test_a_filename_is_a_name_and_nothing_else(client: Client, name: str, sent: str) -> None:
    photo = {"data": b64(b"x"), "name": name}
    answer = await called(client, "addPhoto", id=1, title="a", photo=photo)
    assert answer["fields"] == [
        ["title", "a"],
        ["photo", sent, "image/png", b64(b"x")],
        ["owner", "ada"],
    ]


async def test_a_form_whose_fields_are_open_takes_files_and_keeps_its_pins(
    client: Client, upstream: Upstream
) -> None:
    body = {
        "doc": b64(b"1"),
        'x"y': 'a"b',
        "n": 1,
        "photo": {"data": b64(b"2"), "name": "p.png", "type": "image/png"},
        "object": {"data": "text"},
    }
    answer = await called(client, "open", body=body)
    assert answer["fields"] == [
        ["doc", "file", "application/octet-stream", b64(b"1")],
        ["x%22y", 'a"b'],
        ["n", "1"],
        ["photo", "p.png", "image/png", b64(b"2")],
        ["object", '{"data":"text"}'],
        ["role", "reader"],
    ]
    form = aiohttp.FormData({"k": "v"})
    form.add_field("doc", b"1", filename="d.txt", content_type="text/plain")
    form.add_field("new", b"2", filename="n.bin")
    response = await client.post("/open", data=form)
    assert response.json()["fields"] == [
        ["k", "v"],
        ["doc", "d.txt", "text/plain", b64(b"1")],
        ["new", "n.bin", "application/octet-stream", b64(b"2")],
        ["role", "reader"],
    ]
    for twin in ("role", "Role", "role[]", "role.x", "ro\\le", "r%6fle", "role\0x", "role%00x"):
        assert "must not hold" in await refused(client, "open", body={twin: "admin"})
    assert len(upstream.received) == 2


# --- text and bytes ---------------------------------------------------------------------------


async def test_a_text_body_is_sent_as_it_is(client: Client) -> None:
    answer = await called(client, "putNote", body="<a/>")
    assert answer == {"type": "application/xml", "data": b64(b"<a/>")}
    answer = await called(client, "putNote", body="<ü/>")
    assert answer == {"type": "application/xml; charset=utf-8", "data": b64("<ü/>".encode())}
    for media in ("application/xml", "text/plain; charset=UTF-8"):
        response = await client.request(
            "PUT", "/notes", data=b"<a/>", headers={"Content-Type": media}
        )
        assert response.json() == {"type": "application/xml", "data": b64(b"<a/>")}
    assert "expected text" in await refused(client, "putNote", body={"a": 1})


async def test_a_body_of_bytes_takes_a_file(client: Client) -> None:
    sent = {"type": "application/octet-stream", "data": b64(PNG)}
    assert await called(client, "putBlob", body=b64(PNG)) == sent
    as_url = f"data:image/png;base64,{b64(PNG)}"
    assert await called(client, "putBlob", body=as_url) == sent
    assert (await called(client, "putImage", body=as_url))["type"] == "image/png"
    for media in ("application/octet-stream", "image/png"):
        headers = {"Content-Type": media}
        response = await client.request("PUT", "/blob", data=PNG, headers=headers)
        assert response.json() == sent
        response = await client.request("PUT", "/image", data=PNG, headers=headers)
        assert response.json() == {**sent, "type": media}
    assert "must be image/*" in await refused(client, "putImage", body="data:,x")


async def test_where_the_spec_wants_base64_a_file_is_sent_as_base64(client: Client) -> None:
    sent = {"type": "image/jpeg", "data": b64(base64.b64encode(PNG))}
    assert await called(client, "putCover", body=b64(PNG)) == sent
    for media in ("image/jpeg", "image/png"):
        headers = {"Content-Type": media}
        response = await client.request("PUT", "/cover", data=PNG, headers=headers)
        assert response.json() == {**sent, "type": media}
        as_url = f"data:{media};base64,{b64(PNG)}"
        assert await called(client, "putCover", body=as_url) == {**sent, "type": media}
    assert "must be image/jpeg or image/png" in await refused(client, "putCover", body="data:,x")


async def test_another_type_is_refused_with_those_that_are_read(
    client: Client, upstream: Upstream
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for method, target, wanted in [
        ("PUT", "/notes", "application/xml"),
        ("PUT", "/image", "image/*"),
        ("POST", "/pets/1/photo", "multipart/form-data"),
    ]:
        response = await client.request(method, target, data=b"a=b", headers=headers)
        assert response.status == 415
        assert f"send {wanted}, or JSON as application/json" in response.json()["detail"]
    assert upstream.received == []


# --- documents --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "validator", "file"),
    [
        ("3.0", OpenAPIV30SpecValidator, {"type": "string", "format": "binary"}),
        (
            "3.1",
            OpenAPIV31SpecValidator,
            {"type": "string", "contentMediaType": "application/octet-stream"},
        ),
    ],
)
async def test_each_kind_of_body_is_declared(
    client: Client, version: str, validator: type, file: Any
) -> None:
    document = json.loads((await client.get(f"/openapi.json?version={version}")).body)
    assert list(validator(document).iter_errors()) == []
    paths = document["paths"]

    def content(path: str, method: str) -> Any:
        return paths[path][method]["requestBody"]["content"]

    photo = content("/pets/{id}/photo", "post")["multipart/form-data"]
    assert photo["encoding"] == {"photo": {"contentType": "image/png, image/jpeg"}}
    assert photo["schema"]["required"] == ["title", "photo"]
    assert photo["schema"]["properties"] == {
        "title": {"type": "string", "maxLength": 20},
        "photo": file,
        "more": {"type": "array", "items": file},
        "tags": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer"},
        "place": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    assert content("/notes", "put") == {"application/xml": {"schema": {"type": "string"}}}
    assert content("/blob", "put") == {"application/octet-stream": {"schema": file}}
    assert content("/image", "put") == {"image/*": {"schema": file}}
    assert content("/open", "post")["multipart/form-data"]["schema"]["properties"]["doc"] == file


async def test_what_is_not_sent_is_a_line_of_the_ledger(client: Client) -> None:
    plugin = client.gateway.door.sites[0].plugin
    assert plugin is not None
    assert "the headers of the body's 'photo' are not sent" in {line.what for line in plugin.ledger}


async def test_swagger_2_forms_with_files(serve: Serve, upstream: Upstream) -> None:
    spec = """
    swagger: "2.0"
    info: {title: Shop, version: "1"}
    paths:
      /up:
        post:
          operationId: up
          consumes: [multipart/form-data]
          parameters:
            - {name: doc, in: formData, type: file, required: true}
            - {name: ids, in: formData, type: array, items: {type: integer}}
            - {name: all, in: formData, type: array, items: {type: string}, collectionFormat: multi}
          responses: {"200": {description: ok}}
    """
    config = f"plugin: shop\nspec: spec.yaml\nupstream: {{url: '{upstream.url}'}}\n"
    client = await serve(config + "operations: [up]", files={"spec.yaml": spec})
    answer = await called(client, "up", doc="data:text/csv,a%2Cb", ids=[1, 2], all=["x,y", "z"])
    assert answer["fields"] == [
        ["doc", "file.csv", "text/csv", b64(b"a,b")],
        ["ids", "1,2"],
        ["all", "x,y"],
        ["all", "z"],
    ]
