"""All operations of a spec of any version, in one cheap pass; or why there are none. Pure.

Nothing is copied and no schema looked at: of thousands of operations the names are told in
milliseconds. Where path items and operations stand in other files, those are followed.
Source: OpenAPI 3.1 §4.8.8 and §4.8.9, OpenAPI 3.2 (`QUERY`, `additionalOperations`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.raw import as_list, as_map, as_text
from gateway.references import References

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY"})
ADDITIONAL = "additionalOperations"


@dataclass(frozen=True, slots=True)
class Listed:
    """An operation as the document names it. `path` is the path key as written."""

    method: str
    path: str
    operation_id: str | None = None
    summary: str = ""
    tags: tuple[str, ...] = ()


def listed(
    doc: Mapping[str, Any],
    references: References | None = None,
    only: Collection[str] | None = None,
) -> tuple[Listed, ...]:
    """All operations of a document, in its order.

    Args:
        doc: A spec of any version, as parsed.
        references: Of that document; needed where it is spread over files.
        only: The path keys that matter; by default all.
    """
    index = references or References(doc)
    paths = index.followed(doc.get("paths"))
    found: dict[tuple[str, str], Listed] = {}
    for path, raw in paths.items.items():
        if path.startswith("x-") or (only is not None and path not in only):
            continue
        is_far = raw.__class__ is not dict or "$ref" in raw
        item = index.followed(raw, paths.base_of(path)) if is_far else None
        for method, word, written in operations_of(raw if item is None else item.items):
            if (method, path) not in found:
                operation = written
                if "$ref" in written:  # none may be, by the letter, but all of DigitalOcean's are
                    base = paths.base_of(path) if item is None else item.base_of(word)
                    operation = index.followed(written, base).items
                found[method, path] = Listed(
                    method=method,
                    path=path,
                    operation_id=as_text(operation.get("operationId")) or None,
                    summary=as_text(operation.get("summary")),
                    tags=tuple(
                        tag for tag in as_list(operation.get("tags")) if isinstance(tag, str)
                    ),
                )
    return tuple(found.values())


def why_empty(doc: Mapping[str, Any], references: References) -> str:
    """What a document without operations holds instead."""
    paths = as_map(doc.get("paths"))
    far = paths if isinstance(paths.get("$ref"), str) else None
    refs = [one["$ref"] for one in paths.values() if isinstance(as_map(one).get("$ref"), str)]
    for ref in [far["$ref"]] if far else refs[:1]:
        found = references.find(ref)
        if isinstance(found, str):
            what = "its paths are" if far else f"{len(refs)} of its paths are"
            return f"{what} in other files that cannot be had: {found}"
    for key in ("webhooks", "x-webhooks"):
        if as_map(doc.get(key)):
            return f"it describes only {key}, which the API calls itself; it has no operations"
    return "it has no operations"


def operations_of(item: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The operations of a path item: METHOD, the key it stands under, and what it says."""
    for word, operation in item.items():
        if operation.__class__ is dict:
            method = word.upper()
            if method in METHODS:
                yield method, word, operation
            elif word == ADDITIONAL:  # OpenAPI 3.2, in the case that they are sent in
                for other, one in operation.items():
                    if isinstance(one, dict):
                        yield other, word, one
