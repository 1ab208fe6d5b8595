"""Files of a spec: read when they are reached, below one folder or from one origin, bounded."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from gateway.config import read_configs
from gateway.errors import Mistakes, SpecUnavailable
from gateway.loading import load_plugin
from gateway.plugin import Plugin
from gateway.references import References, WantedError
from gateway.spec import parts, source
from gateway.spec_filter import trim
from tests.cli.specs import run
from tests.conftest import Upstream

Files = Mapping[str, Any]


def schema(node: Any) -> dict[str, Any]:
    return {
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": node}}}}
    }


def spec(node: Any = None, **more: Any) -> dict[str, Any]:
    """A document whose `GET /a` answers with `node`."""
    return {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {"/a": {"get": {"operationId": "a", **schema(node or {})}}, **more},
    }


def write(folder: Path, files: Files) -> None:
    for name, held in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(held if isinstance(held, str) else json.dumps(held))


async def load(
    folder: Path, files: Files | None = None, state: Path | None = None, **config: Any
) -> Plugin:
    write(folder, files or {})
    plugin = {"plugin": "t", "spec": "api/spec.yaml", "operations": ["GET /a"], **config}
    (folder / "t.yaml").write_text(json.dumps(plugin))
    (loaded,) = read_configs([folder / "t.yaml"], {"KEY": "s3cret-key-of-ours"})
    return await load_plugin(loaded, state)


def lines(plugin: Plugin) -> list[str]:
    return [line.what for line in plugin.ledger]


def on(host: Upstream, files: Files, **status: int) -> None:
    """Let a host give files, and count who asks."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        name = request.path[1:]
        code = status.get(name.partition(".")[0], 200 if name in files else 404)
        if code in (301, 302):
            return web.Response(status=code, headers={"Location": files[name]})
        return web.Response(status=code, text=json.dumps(files.get(name)))

    host.answer = answer


def asked(host: Upstream) -> list[str]:
    return [one.target for one in host.received]


@pytest.fixture
async def canary() -> AsyncIterator[Upstream]:
    """A host that nobody may ask."""
    host = Upstream()
    on(host, {"x.json": {"title": "stolen"}})
    async with RawTestServer(host.handle) as server:
        host.url = f"http://127.0.0.1:{server.port}"
        yield host


# --- only what is reached ---------------------------------------------------------------------


async def test_only_files_that_the_chosen_operations_reach_are_asked_for(
    tmp_path: Path, upstream: Upstream
) -> None:
    files = {
        "spec.yaml": spec(
            {"$ref": "a.json"},
            **{"/b": {"$ref": "b.json"}, "/c": {"get": schema({"$ref": "c.json"})}},
        ),
        "a.json": {"properties": {"deep": {"$ref": "deep.json#/x"}}},
        "deep.json": {"x": {"type": "string"}, "y": {"$ref": "never.json"}},
        "b.json": {"get": {"operationId": "b", **schema({"$ref": "b-schema.json"})}},
    }
    on(upstream, files)
    where, server = f"{upstream.url}/spec.yaml", {"url": "https://api.example.com"}
    plugin = await load(tmp_path, spec=where, upstream=server)
    assert asked(upstream) == ["/spec.yaml", "/a.json", "/deep.json"]
    assert plugin.components.keys() == {"a", "x"}
    assert not plugin.ledger
    upstream.received.clear()
    await load(tmp_path, spec=where, upstream=server, operations=["a"])  # may be in any file
    assert asked(upstream) == ["/spec.yaml", "/b.json", "/a.json", "/deep.json"]


async def test_an_entry_that_matches_nothing_is_told_with_the_names_in_other_files(
    tmp_path: Path,
) -> None:
    files = {
        "api/spec.yaml": spec(**{"/pets": {"$ref": "pets.yaml"}}),
        "api/pets.yaml": {"get": {"operationId": "listPets"}},
    }
    with pytest.raises(Mistakes) as caught:
        await load(tmp_path, files, operations=["GET /pet"])
    assert "GET /pets" in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ({"$ref": "paths.yaml"}, "its paths are in other files that cannot be had"),
        ({"/a": {"$ref": "paths.yaml"}}, "1 of its paths are in other files that cannot be had"),
    ],
)
async def test_a_spec_whose_paths_cannot_be_had_is_refused_with_the_reason(
    tmp_path: Path, paths: Any, told: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        await load(tmp_path, {"api/spec.yaml": {**spec(), "paths": paths}})
    assert told in str(caught.value)
    assert "'paths.yaml' is not there" in str(caught.value)


# --- the folder -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "ref", "is_read"),
    [
        ("api/v1/spec.yaml", "../shared/x.json", True),  # below the folder that the config names
        ("api/v1/spec.yaml", "../../x.json", False),
        ("./api/v1/spec.yaml", "../shared/x.json", True),
        ("spec.yaml", "api/shared/x.json", True),
        ("spec.yaml", "t.yaml", False),  # a config is no part of a spec
        ("api/../api/v1/spec.yaml", "../shared/x.json", False),
    ],
)
async def test_a_spec_may_use_the_folder_that_the_config_names(
    tmp_path: Path, where: str, ref: str, is_read: bool
) -> None:
    files = {where: spec({"$ref": ref}), "api/shared/x.json": {"title": "x"}, "x.json": {}}
    write(tmp_path, {**files, "api/v1/y.json": {}})
    plugin = await load(tmp_path, files, spec=where)
    assert (plugin.components == {"x": {"title": "x"}}) is is_read
    assert len(plugin.ledger) == (0 if is_read else 1)


async def test_a_symlink_is_followed_within_the_folder_and_not_out_of_it(tmp_path: Path) -> None:
    """A Kubernetes volume is made of symlinks: `spec.yaml -> ..data/spec.yaml`."""
    outside = tmp_path / "outside"
    write(tmp_path, {"outside/x.json": {"title": "stolen"}, "api/..1/in.json": {"title": "in"}})
    (tmp_path / "api" / "..data").symlink_to("..1")
    (tmp_path / "api" / "in.json").symlink_to("..data/in.json")
    (tmp_path / "api" / "out.json").symlink_to(outside / "x.json")
    (tmp_path / "api" / "folder").symlink_to(outside)
    (tmp_path / "api" / "loop.json").symlink_to("loop.json")
    os.mkfifo(tmp_path / "api" / "fifo.json")
    (tmp_path / "api" / "directory.json").mkdir()
    names = ("in", "out", "folder/x", "loop", "fifo", "directory")
    node = {"properties": {name: {"$ref": f"{name}.json"} for name in names}}
    plugin = await load(tmp_path, {"api/spec.yaml": spec(node)})
    assert plugin.components == {"in": {"title": "in"}}
    told = " ".join(lines(plugin))
    assert "'out.json' leads out of the folder" in told
    assert "'folder/x.json' leads out of the folder" in told
    assert "'fifo.json' is no file" in told
    assert "'directory.json' is no file" in told
    assert len(plugin.ledger) == 5
    assert "stolen" not in str(plugin.components)


async def test_no_link_leads_to_a_hidden_file(tmp_path: Path) -> None:
    hidden = {"api/.env.json": {"title": "stolen"}, "api/.git/x.json": {"title": "stolen"}}
    write(tmp_path, {**hidden, "api/..1/.x.json": {"title": "stolen"}})
    (tmp_path / "api" / "file.json").symlink_to(".env.json")
    (tmp_path / "api" / "folder").symlink_to(".git")
    (tmp_path / "api" / "volume.json").symlink_to("..1/.x.json")
    refs = [{"$ref": name} for name in ("file.json", "folder/x.json", "volume.json")]
    plugin = await load(tmp_path, {"api/spec.yaml": spec({"oneOf": refs})})
    assert not plugin.components
    assert [line.count("leads to a hidden file") for line in lines(plugin)] == [1, 1, 1]


# --- nobody else is asked ---------------------------------------------------------------------


def traps(canary: Upstream, where: Path) -> dict[str, Any]:
    """Every way to name the canary, and a file outside."""
    url = canary.url.partition(":")[2]
    refs = [
        f"{canary.url}/x.json", f"HTTP:{url}/x.json", f"{url}/x.json", f" {canary.url}/x.json",
        f"{canary.url}/x.json#/title", f"\\\\{url}\\x.json", f"/{url}/x.json", f"file:{url}/x.json",
        f"file://{where}", f"file:{where}", str(where), f"../../../../../../..{where}",
        f"..%2f..%2f..%2f..%2f..%2f..{where}", f"%2e%2e/%2e%2e/%2e%2e/%2e%2e{where}",
        f"x/../../../../../../../..{where}", f"jar:{canary.url}!/x.json", "\0", "#", "?", "", "..",
        f"https://user@{url.strip('/')}/x.json", f"//user:pass@{url.strip('/')}/x.json",
    ]  # fmt: skip
    node = {"oneOf": [{"$ref": ref} for ref in refs]}
    return spec(
        {**node, "discriminator": {"propertyName": "k", "mapping": {"a": refs[0], "b": refs[8]}}},
        **{
            "/b": {"$ref": refs[0]},
            "/c": {"get": {"parameters": [{"$ref": refs[0]}], "requestBody": {"$ref": refs[8]}}},
            "/d": {"servers": [{"url": canary.url}], "get": {"description": {"$ref": refs[0]}}},
        },
    )


async def test_a_spec_in_a_file_reaches_no_host_and_no_file_elsewhere(
    tmp_path: Path, canary: Upstream
) -> None:
    (tmp_path / "secret.json").write_text('{"title": "stolen"}')
    document = traps(canary, tmp_path / "secret.json")
    plugin = await load(tmp_path, {"api/spec.yaml": document}, operations="all")
    assert not canary.received
    assert "stolen" not in str(plugin.components)


async def test_a_spec_had_by_url_reaches_no_other_origin(
    tmp_path: Path, upstream: Upstream, canary: Upstream
) -> None:
    (tmp_path / "secret.json").write_text('{"title": "stolen"}')
    document = traps(canary, tmp_path / "secret.json")
    document["paths"]["/e"] = {"get": schema({"$ref": "moved.json"})}
    on(upstream, {"spec.yaml": document, "moved.json": f"{canary.url}/x.json"}, moved=302)
    plugin = await load(
        tmp_path,
        spec={"url": f"{upstream.url}/spec.yaml", "headers": {"X-Key": "${KEY}"}},
        operations="all",
        upstream={"url": "https://api.example.com"},
    )
    assert "/moved.json" in asked(upstream)
    assert not canary.received
    assert "stolen" not in str(plugin.components)
    assert any("redirects to another origin" in line for line in lines(plugin))


# --- by URL -----------------------------------------------------------------------------------


async def test_parts_are_asked_for_with_the_operators_headers_and_masked(
    tmp_path: Path, upstream: Upstream
) -> None:
    on(
        upstream,
        {"spec.yaml": spec({"$ref": "a.json"}), "a.json": {"title": "said s3cret-key-of-ours"}},
    )
    plugin = await load(
        tmp_path,
        state=tmp_path / "state",
        spec={"url": f"{upstream.url}/spec.yaml", "headers": {"X-Key": "${KEY}"}},
        upstream={"url": "https://api.example.com"},
    )
    assert [one.headers["X-Key"] for one in upstream.received] == ["s3cret-key-of-ours"] * 2
    assert "a" in plugin.components
    assert "s3cret" not in str(plugin.components)
    kept = [one.read_bytes() for one in (tmp_path / "state" / "specs").iterdir()]
    assert b"said [masked]" in b"".join(kept)
    assert b"s3cret" not in b"".join(kept)


async def test_a_part_that_is_not_there_costs_itself_one_that_is_not_there_yet_lets_it_wait(
    tmp_path: Path, upstream: Upstream
) -> None:
    files = {"spec.yaml": spec({"$ref": "a.json"}), "a.json": {}}
    where = {
        "spec": f"{upstream.url}/spec.yaml",
        "upstream": {"url": "https://api.example.com"},
    }
    on(upstream, files, a=404)
    (line,) = lines(await load(tmp_path, **where))
    assert "answers 404" in line
    on(upstream, files, a=503)
    with pytest.raises(SpecUnavailable, match=r"a\.json answers 503"):
        await load(tmp_path, **where)


async def test_what_a_redirected_file_names_lies_beside_where_it_was_in_the_end(
    tmp_path: Path, upstream: Upstream
) -> None:
    """RFC 3986 §5.1.3. Also where that is the copy of an earlier start."""
    files = {
        "spec.yaml": spec({"$ref": "a.json"}),
        "a.json": "/v2/models/a.json?at=1",
        "v2/models/a.json": {"properties": {"b": {"$ref": "b.json"}, "me": {"$ref": "#/x"}}},
        "v2/models/b.json": {"title": "right"},
        "b.json": {"title": "wrong"},
    }
    config: dict[str, Any] = {
        "spec": f"{upstream.url}/spec.yaml",
        "upstream": {"url": "https://api.example.com"},
        "state": tmp_path / "state",
    }
    for status in ({"a": 302}, {"a": 503}, {"a": 503, "spec": 503}):
        on(upstream, files, **status)
        plugin = await load(tmp_path, **config)
        assert plugin.components["b"] == {"title": "right"}
        assert "/b.json" not in asked(upstream)


@pytest.mark.parametrize(
    "bad", ["title", '"title', "{title: [", "- a\n- b\n", "", "<html></html>", "plugin: x\nspec: y"]
)
async def test_what_a_host_gives_while_it_is_mended_replaces_no_good_copy(
    tmp_path: Path, upstream: Upstream, bad: str
) -> None:
    config: dict[str, Any] = {
        "spec": f"{upstream.url}/spec.yaml",
        "upstream": {"url": "https://api.example.com"},
        "state": tmp_path / "state",
    }
    files = {"spec.yaml": spec({"$ref": "a.json"}), "a.json": {"title": "good"}}
    on(upstream, files)
    assert not about_copies(await load(tmp_path, **config))

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        is_part = request.path == "/a.json"
        return web.Response(text=bad if is_part else json.dumps(files["spec.yaml"]))

    upstream.answer = answer
    for _ in range(2):
        plugin = await load(tmp_path, **config)
        assert plugin.components == {"a": {"title": "good"}}
        (warning,) = about_copies(plugin)
        assert "a.json" in warning
    on(upstream, {**files, "a.json": {"title": "new"}})
    plugin = await load(tmp_path, **config)
    assert plugin.components == {"a": {"title": "new"}}
    assert not about_copies(plugin)


def about_copies(plugin: Plugin) -> list[str]:
    return [str(one) for one in plugin.warnings if "the copy of" in str(one)]


@pytest.mark.parametrize("gone", ["spec", "a"])
async def test_check_warns_where_a_copy_is_used(
    tmp_path: Path, upstream: Upstream, gone: str
) -> None:
    files = {"spec.yaml": spec({"$ref": "a.json"}), "a.json": {"title": "a"}}
    on(upstream, files)
    server = {"url": "https://a.example.com/v1"}
    contact = {"contact": "api@example.com", "description": "Gives a."}
    where = f"{upstream.url}/spec.yaml"
    await load(tmp_path, state=tmp_path / "state", spec=where, upstream=server, **contact)
    asking = ("check", tmp_path / "t.yaml", "--state", tmp_path / "state", "--strict", "--json")
    result = await asyncio.to_thread(run, *asking)
    assert (result.exit_code, json.loads(result.stdout)[0]["warnings"]) == (0, [])
    on(upstream, files, **{gone: 503})
    result = await asyncio.to_thread(run, *asking)
    (warning,) = json.loads(result.stdout)[0]["warnings"]
    assert result.exit_code == 1
    assert f"t.yaml:1:25: spec: {upstream.url}/{gone}." in warning
    assert "answers 503; the copy of" in warning


async def test_a_restart_works_offline_with_all_files(tmp_path: Path, upstream: Upstream) -> None:
    state = tmp_path / "state"
    config: dict[str, Any] = {
        "spec": f"{upstream.url}/spec.yaml",
        "upstream": {"url": "https://api.example.com"},
        "state": state,
    }
    on(upstream, {"spec.yaml": spec({"$ref": "a.json"}), "a.json": {"title": "a"}})
    first = await load(tmp_path, **config)
    on(upstream, {"spec.yaml": spec({"$ref": "a.json"})}, a=503)
    part_gone = await load(tmp_path, **config)
    on(upstream, {}, spec=503, a=503)
    upstream.received.clear()
    all_gone = await load(tmp_path, **config)
    assert first.components == part_gone.components == all_gone.components == {"a": {"title": "a"}}
    assert asked(upstream) == ["/spec.yaml"]


# --- kept by what the texts say ---------------------------------------------------------------


async def test_a_file_is_parsed_once_and_again_when_it_changes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    files = {"api/spec.yaml": spec({"$ref": "a.yaml"}), "api/a.yaml": "title: one\n"}
    assert (await load(tmp_path, files, state)).components["a"] == {"title": "one"}
    (kept,) = (state / "specs").glob("*.parts")
    kept.write_text(kept.read_text().replace("one", "kept"))
    assert (await load(tmp_path, {}, state)).components["a"] == {"title": "kept"}
    changed = {"api/a.yaml": "title: two\n"}
    assert (await load(tmp_path, changed, state)).components["a"] == {"title": "two"}
    kept.write_bytes(b'{"a.yaml":')  # damaged reads as absent
    assert (await load(tmp_path, {}, state)).components["a"] == {"title": "two"}


async def test_files_of_another_choice_stay_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    files = {
        "api/spec.yaml": spec({"$ref": "a.yaml"}, **{"/b": {"get": schema({"$ref": "b.yaml"})}}),
        "api/a.yaml": "title: a\n",
        "api/b.yaml": "title: b\n",
    }
    await load(tmp_path, files, state)
    await load(tmp_path, {}, state, operations=["GET /b"])
    (kept,) = (state / "specs").glob("*.parts")
    assert json.loads(kept.read_bytes()).keys() == {"a.yaml", "b.yaml"}


# --- bounds -----------------------------------------------------------------------------------


async def test_a_hundred_thousand_files_are_not_read(tmp_path: Path) -> None:
    count = 100_000
    node = {"properties": {f"p{i}": {"$ref": f"{i}.json"} for i in range(count)}}
    write(tmp_path, {f"api/{i}.json": {"title": f"t{i}"} for i in range(parts.MAX_FILES + 50)})
    plugin = await load(tmp_path, {"api/spec.yaml": spec(node)}, budget="no")
    assert len(plugin.components) == parts.MAX_FILES
    assert "more than 2,000 files" in lines(plugin)[0]


async def test_a_chain_of_files_is_followed_so_far(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        f"api/{i}.json": {"items": {"$ref": f"{i + 1}.json"}} for i in range(200)
    }
    plugin = await load(tmp_path, {"api/spec.yaml": spec({"$ref": "0.json"}), **files})
    assert len(plugin.components) == parts.MAX_ROUNDS
    assert "100 one behind the other" in lines(plugin)[0]


@pytest.mark.parametrize("link", ["schema", "alias", "response", "parameter", "path", "pointer"])
async def test_a_chain_of_files_is_followed_without_doing_everything_again(
    tmp_path: Path, link: str
) -> None:
    """And what hangs on it, but is never served, stays unread."""
    last = 50
    beside = {"example": {"$ref": "never.json"}, "x-y": {"$ref": "never.json"}}
    ends = {
        "schema": {"type": "string"},
        "alias": {"type": "string"},
        "response": schema({})["responses"]["200"],
        "parameter": {"name": "q", "in": "query", "schema": {}},
        "path": {"get": schema({}), "post": schema({"$ref": "never.json"})},
        "pointer": {"x": {"type": "string"}},
    }

    def node(number: int) -> Any:
        ref = {"$ref": f"{number}.json" + ("#/x" if link == "pointer" else "")}
        if link == "pointer" and number:
            return {"x": {"properties": {"x": ref, "y": {"$ref": "#/y"}}}, "y": {}, **beside}
        return {"items": ref, **beside} if link == "schema" else ref

    operation = {
        "response": {"responses": {"200": node(0), "404": {"$ref": "never.json"}}},
        "parameter": {**schema({}), "parameters": [node(0)]},
    }.get(link, schema(node(0)))
    item = node(0) if link == "path" else {"get": operation}
    files = {f"{number}.json": node(number + 1) for number in range(last)}
    write(tmp_path, {"spec.yaml": {**spec(), "paths": {"/a": item}}, **files})
    write(tmp_path, {f"{last}.json": ends[link], "never.json": {}})
    got = await source.fetch("spec.yaml", base=tmp_path, headers={}, state=None)
    times = 0
    async with parts.Library(got, headers={}, state=None) as library:
        while True:
            times += 1
            references = References(got.document, library.parts)
            trimmed, ledger = trim(got.document, [("GET", "/a")], references)
            try:
                references.check()
                break
            except WantedError as wanted:
                await library.read(wanted.addresses, wanted.ahead)
    assert times == 2
    assert library.parts.held.keys() == {f"{number}.json" for number in range(last + 1)}
    assert not ledger
    assert "get" in trimmed["paths"]["/a"]


async def test_files_are_bounded_in_size(tmp_path: Path) -> None:
    write(tmp_path, {"api/small.json": {"title": "small"}})
    with (tmp_path / "api" / "big.json").open("wb") as file:
        file.truncate(source.MAX_BYTES + 1)
    node = {"oneOf": [{"$ref": "big.json"}, {"$ref": "small.json"}]}
    plugin = await load(tmp_path, {"api/spec.yaml": spec(node)})
    assert "the spec's files have more than 67,108,864 bytes" in lines(plugin)[0]


async def test_a_file_by_url_is_bounded(tmp_path: Path, upstream: Upstream) -> None:
    big = "x" * (parts.MAX_PART + 1)
    on(upstream, {"spec.yaml": spec({"$ref": "a.json"}), "a.json": big})
    plugin = await load(
        tmp_path,
        spec=f"{upstream.url}/spec.yaml",
        upstream={"url": "https://api.example.com"},
    )
    (line,) = lines(plugin)
    assert "sends more than 16,777,216 bytes" in line
