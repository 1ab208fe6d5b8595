from __future__ import annotations

from msgspec.structs import fields

from gateway.config import types
from gateway.config.schema import SCHEMA


def keys(*structs: type) -> list[str]:
    return [field.encode_name for struct in structs for field in fields(struct)]


def test_there_are_no_more_than_45_keys_on_the_three_levels() -> None:
    # A key that an operation may say otherwise than its plugin is one key.
    assert len(set(keys(types.Plugin, types.Upstream, types.Operation))) <= 45


def test_every_key_and_kind_is_described() -> None:
    for name, definition in SCHEMA["$defs"].items():
        assert definition["description"], name
        for key, schema in definition["properties"].items():
            assert schema.get("description", "").endswith((".", "`")), f"{name}.{key}"


def test_the_keys_written_in_place_are_keys_of_a_parameter() -> None:
    assert set(types.IN_PLACE_KEYS) < set(keys(types.Parameter))
