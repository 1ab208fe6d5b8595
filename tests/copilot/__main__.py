"""`python -m tests.copilot` (or `make conformance-copilot`): Microsoft's schema and every plugin.

The published schema of plugin manifest 2.4 declares draft-04 and uses later keywords, so both
draft-04 and draft-07 have to find nothing. Of each plugin the document that the manifest names is
valid OpenAPI 3.0, flat, and has the manifest's functions; each call that has examples is made as
the document says, and answered as it is without. Besides what is served: draws of operations from
the specs beside the project, where they are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from jsonschema import Draft4Validator, Draft7Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from gateway.errors import Mistakes, SpecError
from gateway.faces import copilot
from gateway.plugin import build
from gateway.references import Parts
from tests.clients.environments import NotInstalledError, environment
from tests.clients.serving import Call, Served, serving
from tests.draws.drawing import BASE, config, draw
from tests.draws.specs import names, opened, path_of

HERE = Path(__file__).parent
SCHEMA = "node_modules/@microsoft/app-manifest/build/json-schemas/copilot/plugin/v2.4/schema.json"
DRAWS = 5
SCALARS = ("string", "integer", "number", "boolean")
COMPOSED = {"$ref", "anyOf", "oneOf", "allOf"}

Json = dict[str, Any]
Faults = Callable[[Json, Json], Iterator[str]]


async def main() -> int:
    """Say of each plugin and each spec whether it is well; 1 where one is not."""
    try:
        where = await asyncio.to_thread(environment, "copilot", below=HERE.parent)
    except NotInstalledError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    faults = checks(json.loads((where.folder / SCHEMA).read_text()))
    bad = 0
    async with serving() as served, aiohttp.ClientSession() as session:
        for plugin in served.plugins:
            bad += _say(plugin.name, [one async for one in _of_plugin(session, plugin, faults)])
        for name, why in served.left_out:
            sys.stdout.write(f"left out  {name}: {why}\n")
    for name in names():
        bad += _say(name, [one async for one in _of_spec(name, faults)])
    return 1 if bad else 0


def _say(name: str, found: list[str]) -> int:
    sys.stdout.write(f"{'FAILED    ' if found else 'ok        '}{name}\n")
    sys.stdout.writelines(f"          {one}\n" for one in found[:20])
    return len(found)


def checks(schema: Json) -> Faults:
    """What is wrong with a manifest and its document."""
    validators = [Draft4Validator(schema), Draft7Validator(schema)]

    def faults(manifest: Json, document: Json) -> Iterator[str]:
        for validator in validators:
            for error in validator.iter_errors(manifest):
                yield f"{type(validator).__name__}: {error.json_path}: {error.message[:200]}"
        for error in OpenAPIV30SpecValidator(document).iter_errors():
            yield f"OpenAPI: {error.message[:200]}"
        operations = list(_operations(document))
        ids = sorted(one["operationId"] for _, _, one in operations)
        functions = sorted(one["name"] for one in manifest["functions"])
        if not functions == ids == sorted(manifest["runtimes"][0]["run_for_functions"]):
            yield f"functions {functions} and operations {ids} differ"
        for node in _composed(document):
            yield f"{COMPOSED & node.keys()} in {json.dumps(node)[:120]}"
        for _, _, operation in operations:
            for name, one in _arguments(operation).items():
                if one.get("items", one).get("type") not in SCALARS:
                    yield f"{operation['operationId']}: {name} is no plain value"

    return faults


async def _of_plugin(
    session: aiohttp.ClientSession, plugin: Served, faults: Faults
) -> AsyncIterator[str]:
    base = plugin.manifest.removesuffix("/.well-known/ai-plugin.json")
    for root in (f"{base}/as/copilot", base):
        async with session.get(root + copilot.MANIFEST) as response:
            manifest = await response.json()
        async with session.get(manifest["runtimes"][0]["spec"]["url"]) as response:
            document = await response.json()
        for one in faults(manifest, document):
            yield one
    known = {one["operationId"]: (path, method, one) for path, method, one in _operations(document)}
    for call in plugin.calls:
        path, method, operation = known[call.operation]
        answer = await _made(session, base + path, method, operation, call, plugin.headers)
        if answer != call.answer:
            yield f"{call.operation}: {json.dumps(answer)[:200]}"


async def _made(
    session: aiohttp.ClientSession,
    url: str,
    method: str,
    operation: Json,
    call: Call,
    headers: Mapping[str, str],
) -> Any:
    """Make a call as the document says, an object as the text of its JSON."""
    places = {one["name"]: one["in"] for one in operation.get("parameters", ())}
    given = {name: _text(one) for name, one in call.arguments.items()}
    query: list[tuple[str, str]] = []
    body = {}
    for name, value in given.items():
        place = places.get(name, "body")
        if place == "path":
            url = url.replace(f"{{{name}}}", quote(str(value), safe=""))
        elif place == "query":
            several = value if isinstance(value, list) else [value]
            query += [(name, one if isinstance(one, str) else json.dumps(one)) for one in several]
        else:
            body[name] = value
    more = {"json": body} if "requestBody" in operation else {}
    async with session.request(method, url, params=query, headers=headers, **more) as response:
        return await response.json()


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [one if not isinstance(one, list | dict) else json.dumps(one) for one in value]
    return json.dumps(value) if isinstance(value, dict) else value


async def _of_spec(name: str, faults: Faults) -> AsyncIterator[str]:
    try:
        spec = await opened(path_of(name))
    except SpecError:
        return
    for number in range(DRAWS if spec.operations else 0):
        loaded = config(draw(name, number, spec.operations))

        def made(parts: Parts, loaded: Any = loaded, spec: Any = spec) -> Any:
            return build(loaded, spec.source.document, spec.source.location, parts=parts)

        try:
            plugin = await spec.with_parts(made)
        except (Mistakes, SpecError):
            continue  # `make draws` looks at those
        served = copilot.documents(plugin)
        manifest, document = (
            json.loads(served[path](BASE, "").body) for path in (copilot.MANIFEST, copilot.OPENAPI)
        )
        for one in faults(manifest, document):
            yield f"draw {number}: {one}"


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _arguments(operation: Json) -> Json:
    found = {one["name"]: one["schema"] for one in operation.get("parameters", ())}
    for media in operation.get("requestBody", {}).get("content", {}).values():
        found |= media["schema"]["properties"]
    return found


def _composed(node: Any, *, names: bool = False) -> Iterator[Json]:
    """The mappings that compose schemas; `names` says that the keys are properties' names."""
    if isinstance(node, dict):
        if not names and COMPOSED & node.keys():
            yield node
        for key, value in node.items():
            yield from _composed(value, names=key == "properties" and not names)
    elif isinstance(node, list):
        for one in node:
            yield from _composed(one)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
