"""Text → a mapping that is an OpenAPI or Swagger document, or a message that says what it is. Pure.

People paste the wrong address: the page that shows the API's documentation, a Postman
collection, a template that was never filled in. Each is recognised, so that the message can
say what to do instead.

Source: OpenAPI 3.1 §4.8.1 and Swagger 2.0 (Swagger Object) for the fields that tell a version.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any, Literal

from gateway import yaml12
from gateway.errors import SpecError, Unreadable, shown
from gateway.raw import as_map

Family = Literal["2.0", "3.0", "3.1"]

_PAGE = (
    "a web page, not an API description; write the address of the JSON or YAML behind it "
    "(often /openapi.json, /swagger.json or /v3/api-docs)"
)
# What a text that is no JSON or YAML begins with, and what it then is.
_TEXTS = (
    (re.compile(r"<(!doctype html|html|head|body|script)\b", re.IGNORECASE), _PAGE),
    (re.compile(r"<"), "XML (WSDL, WADL?); an OpenAPI document in JSON or YAML is needed"),
    (
        re.compile(r"(type|schema|enum|input|interface|scalar|directive|extend)\s+@?\w*\s*[{@]"),
        "a GraphQL schema; an OpenAPI document is needed",
    ),
    (re.compile(r"#%RAML"), "RAML; an OpenAPI document is needed"),
    (re.compile(r"FORMAT:\s*1A"), "API Blueprint; an OpenAPI document is needed"),
)
# Keys that tell another kind of document.
_KINDS = (
    ("asyncapi", "an AsyncAPI document, which describes messages, not HTTP calls"),
    ("swaggerVersion", "a Swagger 1 document; convert it to Swagger 2.0 or OpenAPI 3"),
    ("arazzo", "an Arazzo document (workflows); give the OpenAPI document it is about"),
    ("overlay", "an OpenAPI overlay; give the document it is applied to"),
    ("__schema", "a GraphQL introspection result; an OpenAPI document is needed"),
    ("_postman_id", "a Postman collection; export it as OpenAPI"),
    ("discoveryVersion", "a Google API discovery document; convert it to OpenAPI"),
    ("paths", "without its first line: write `openapi: 3.0.3` (or `swagger: '2.0'`) at its top"),
)


def parse(text: bytes, name: str) -> dict[str, Any]:
    """Read a spec.

    Args:
        text: JSON or YAML, with or without a byte order mark.
        name: What messages call it: the file's name or the address.

    Raises:
        SpecError: says where and what, and what to do.
    """
    wrong = misfit(text)
    if wrong:
        raise SpecError(f"{name} is {wrong}")
    try:
        doc = yaml12.read(text)
    except Unreadable as error:
        where = f"{name}:{error.line}:{error.column}: {error.message}"
        if re.search(rb"\{\{|\{%|<%", text):
            where += "; it looks like a template that has not been filled in"
        elif re.match(rb"\s*\{", text) and re.search(rb"^[ \t]*+(//|/\*)", text, re.MULTILINE):
            where += "; JSON takes no comments: leave out what follows // and /*"
        raise SpecError(where) from None
    if not isinstance(doc, dict):
        raise SpecError(f"{name} holds {shown(doc)}, not an OpenAPI document")
    family(doc, name)
    _check_paths(doc, name)
    return doc


def misfit(text: bytes) -> str | None:
    """What a text is that cannot be JSON or YAML; None if it may be. Cheap: sees the start only."""
    start = text[:4096].lstrip(codecs.BOM_UTF8).decode("utf-8", "replace").lstrip()
    if not start and len(text) <= 4096:
        return "empty"
    return next((what for mark, what in _TEXTS if mark.match(start)), None)


def family(doc: Mapping[str, Any], name: str = "the document") -> Family:
    """Which family a document is of. OpenAPI 3.2 and later 3.x are read as 3.1.

    Raises:
        SpecError: where it is no OpenAPI or Swagger document, with what it is instead.
    """
    swagger, openapi = doc.get("swagger"), doc.get("openapi")
    if openapi is None and swagger is not None and re.fullmatch(r"2(\.0)?", str(swagger)):
        return "2.0"
    match = re.fullmatch(r"3\.(\d{1,4})(\..*)?", str(openapi), re.DOTALL)
    if match:
        return "3.0" if int(match[1]) == 0 else "3.1"
    if openapi is not None or swagger is not None:
        said = f"openapi: {shown(openapi)}" if openapi is not None else f"swagger: {shown(swagger)}"
        raise SpecError(f"{name} says `{said}`; OpenAPI 3.x and Swagger 2.0 are read")
    kinds = {**doc, **as_map(doc.get("info")), **as_map(doc.get("data"))}
    what = next((what for key, what in _KINDS if key in kinds), None)
    if what is None:
        what = "no OpenAPI document: it has neither `openapi` nor `swagger` at its top"
    raise SpecError(f"{name} is {what}")


def _check_paths(doc: Mapping[str, Any], name: str) -> None:
    """`paths` may be absent (3.1), but not something else."""
    paths = doc.get("paths", {})
    if not isinstance(paths, dict):
        raise SpecError(f"{name}: paths: expected a mapping of paths, found {shown(paths)}")
