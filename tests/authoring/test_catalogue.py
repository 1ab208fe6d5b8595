from __future__ import annotations

from gateway.authoring.catalogue import pick
from tests.authoring.conftest import Catalogued

PATHS = """
/a/{id}:
  parameters: [{name: id, in: path, required: true, schema: {type: string}}]
  get: {operationId: get.a, tags: [one], parameters: [{$ref: "#/components/parameters/Deep"}]}
  trace: {operationId: traceA}
/b: {get: {}, delete: {deprecated: true}}
b: {get: {operationId: noPath}}
"""
DEEP = {"parameters": {"Deep": {"name": "deep", "in": "query", "schema": {"type": "string"}}}}


def test_an_entry_says_all_that_it_can_be_found_by(catalogued: Catalogued) -> None:
    first, trace, *_, delete, nowhere = catalogued(PATHS, components=DEEP)
    assert (first.name, first.operation_id, first.names) == ("get_a", "get.a", ("id", "deep"))
    assert delete.deprecated
    assert [one.is_servable for one in (first, trace, nowhere)] == [True, False, False]


def test_operations_are_named_in_every_way_a_config_knows(catalogued: Catalogued) -> None:
    entries = catalogued(PATHS, components=DEEP)
    for words in (["get_a"], ["get.a"], ["GET /a/{id}"], ["GET /a/*"], ["get_a", "get.a"]):
        picked, faults = pick(entries, words)
        assert ([one.name for one in picked], faults) == (["get_a"], [])


def test_a_wrong_name_is_answered_with_the_nearest(catalogued: Catalogued) -> None:
    picked, faults = pick(catalogued(PATHS, components=DEEP), ["get_aa", "GET /zzz/**"])
    assert picked == []
    assert "did you mean 'get" in faults[0]
    assert "no operations match 'GET /zzz/**'" in faults[1]
