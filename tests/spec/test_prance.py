"""prance as the oracle: what it resolves in the whole spec, our trimmed document resolves to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prance.util.resolver import RESOLVE_INTERNAL, RefResolver

from gateway.spec.document import parse
from gateway.spec_filter import trim

CASES = [
    ("petstore_3.0.4.yaml", ("GET", "/pet/findByStatus")),
    ("oai_link_3.0.yaml", ("GET", "/2.0/repositories/{username}")),
    ("spotify_fixed.yml", ("GET", "/albums/{id}")),
    ("museum_3.1.yaml", ("POST", "/tickets")),
]


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_trimmed_operation_resolves_to_the_same_schemas(
    specs: Path, name: str, place: tuple[str, str]
) -> None:
    document = parse((specs / name).read_bytes(), name)
    trimmed, _ = trim(document, [place])
    whole, ours = (_success(_resolved(one), place) for one in (document, trimmed))
    assert ours
    assert _bare(ours) == _bare(whole)


def _resolved(document: dict[str, Any]) -> dict[str, Any]:
    resolver = RefResolver(
        document,
        "file:///nowhere.yaml",
        resolve_types=RESOLVE_INTERNAL,
        recursion_limit_handler=lambda *_: {},
    )
    resolver.resolve_references()
    specs: dict[str, Any] = resolver.specs
    return specs


def _success(document: dict[str, Any], place: tuple[str, str]) -> Any:
    method, path = place
    responses = document["paths"][path][method.lower()]["responses"]
    status = next(one for one in responses if str(one).startswith("2"))
    return next(iter(responses[status]["content"].values()))["schema"]


def _bare(value: Any) -> Any:
    """Without what trimming leaves out on purpose."""
    if isinstance(value, dict):
        dropped = ("example", "examples", "xml", "externalDocs")
        return {
            key: _bare(one)
            for key, one in value.items()
            if key not in dropped and not key.startswith("x-")
        }
    return [_bare(one) for one in value] if isinstance(value, list) else value
