"""A text is parsed once; what it held is kept as JSON, whole, bounded, for its owner only."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SpecError
from gateway.spec import kept
from gateway.spec.document import parse

YAML = b"openapi: 3.0.3\npaths: {}\n"
READ = {"openapi": "3.0.3", "paths": {}}
# What a kept file says instead, to tell where a document came from.
OTHER = b'{"openapi":"3.0.3","paths":{},"x-from":"kept"}'


def the_folder(state: Path) -> Path:
    return state / "specs"


def the_file(state: Path) -> Path:
    (file,) = the_folder(state).iterdir()
    return file


def test_a_text_that_is_known_is_not_parsed_again(tmp_path: Path) -> None:
    assert kept.read(YAML, "a.yaml", tmp_path) == (READ, ())
    the_file(tmp_path).write_bytes(OTHER)
    assert kept.read(YAML, "elsewhere", tmp_path)[0]["x-from"] == "kept"
    assert kept.read(YAML + b"# changed", "a.yaml", tmp_path) == (READ, ())
    assert kept.read(YAML, "a.yaml", None) == (READ, ())


def test_what_is_kept_is_json_for_its_owner_only(tmp_path: Path) -> None:
    kept.read(YAML, "a.yaml", tmp_path / "deep" / "state")
    file = the_file(tmp_path / "deep" / "state")
    assert file.name == f"{hashlib.sha256(YAML).hexdigest()}.{kept.FORMAT}.json"
    assert json.loads(file.read_bytes()) == READ
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_what_is_kept_is_without_the_secrets_it_was_asked_for_with(tmp_path: Path) -> None:
    def masked(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"x": "[masked]"}

    text = YAML + b"x: secret\n"
    assert kept.read(text, "a.yaml", tmp_path, "url", masked)[0]["x"] == "[masked]"
    assert b"secret" not in b"".join(one.read_bytes() for one in the_folder(tmp_path).iterdir())
    # Somebody else's word may be what is a secret here: he has a copy of his own.
    assert kept.read(text, "a.yaml", tmp_path)[0]["x"] == "secret"
    assert kept.read(text, "a.yaml", tmp_path, "url", masked)[0]["x"] == "[masked]"
    assert kept.read(text, "a.yaml", None, "url", masked)[0]["x"] == "[masked]"


@pytest.mark.parametrize(
    "damaged",
    [b"", OTHER[:-1], OTHER + b"x", b"[]", b"null", b"{}", b"\xff", b"openapi: 3.0.3\n",
     b'{"openapi":"3.0.3","x":NaN}', b'{"openapi":"3.0.3","x":' + b"[" * 300 + b"]" * 300 + b"}"],
)  # fmt: skip
def test_a_damaged_file_is_absent_and_written_anew(tmp_path: Path, damaged: bytes) -> None:
    kept.read(YAML, "a.yaml", tmp_path)
    file = the_file(tmp_path)
    good = file.read_bytes()
    file.write_bytes(damaged)
    assert kept.read(YAML, "a.yaml", tmp_path) == (READ, ())
    assert file.read_bytes() == good


def test_another_format_is_not_read(tmp_path: Path) -> None:
    kept.read(YAML, "a.yaml", tmp_path)
    file = the_file(tmp_path)
    digest = file.name.partition(".")[0]
    file.unlink()
    for name in (f"{digest}.{kept.FORMAT - 1}.json", f"{digest}.json", f"{digest}.spec"):
        (file.parent / name).write_bytes(OTHER)
    assert kept.read(YAML, "a.yaml", tmp_path) == (READ, ())


def test_what_is_no_spec_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"a\.yaml is no OpenAPI document"):
        kept.read(b"status: maintenance", "a.yaml", tmp_path, kept.key("http://a/", {}))
    assert not list(tmp_path.iterdir())


WHOLE = b"""
openapi: 3.0.3
paths: {}
x-values: [123456789012345678901234567890, -9223372036854775809, 0o17, 0xffffffffffffffffffff,
  1e3, 1.0, -0.0, 0.1, 1.7976931348623157e308, 5e-324, NaN, 012, 5e880231, no, ~,
  true, 2024-01-01, "\\u0000\\u2028 \\U0001F600", ""]
x-b: &b {z: 1, a: 2}
x-a: [*b, {<<: *b, "": 1, 200: 2}]
"""


def test_what_is_kept_is_what_was_parsed(tmp_path: Path) -> None:
    parsed = parse(WHOLE, "a.yaml")
    first, _ = kept.read(WHOLE, "a.yaml", tmp_path)
    again, warnings = kept.read(WHOLE, "a.yaml", tmp_path)
    assert repr(first) == repr(again) == repr(parsed)  # types and order, too
    assert not warnings
    assert 123456789012345678901234567890 in again["x-values"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_whatever_a_document_holds_is_kept_as_it_is(value: Any) -> None:
    text = json.dumps({"openapi": "3.1.0", "x": value}).encode()
    with TemporaryDirectory() as state:
        parsed, _ = kept.read(text, "a.json", Path(state))
        again, warnings = kept.read(text, "a.json", Path(state))
        assert repr(again) == repr(parsed)
        assert not warnings
        assert the_file(Path(state)).stat().st_size


def test_a_document_too_large_as_json_is_a_warning(tmp_path: Path) -> None:
    text = YAML + b'x: "' + b"\\a" * (kept.MAX_FILE // 6) + b'"'  # \a is \u0007 in JSON
    document, warnings = kept.read(text, "a.yaml", tmp_path)
    assert len(document["x"]) == kept.MAX_FILE // 6
    assert "more than 67,108,864 bytes" in warnings[0]


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    kept.read(YAML, "a.yaml", tmp_path)
    used = the_file(tmp_path)
    os.utime(used, (1, 1))
    for number in range(kept.MAX_FILES + 5):
        file = used.with_name(f"{number:064x}.0.spec")
        file.write_bytes(b"old")
        os.utime(file, (1000 + number, 1000 + number))
    theirs = used.with_name("openapi.json")
    theirs.write_bytes(b"theirs")
    os.utime(theirs, (1, 1))
    kept.read(YAML, "a.yaml", tmp_path)  # used again
    kept.read(YAML + b"# another", "a.yaml", tmp_path)
    left = set(used.parent.iterdir())
    assert {used, theirs} <= left
    assert len(left) == kept.MAX_FILES + 1
    assert used.with_name(f"{7:064x}.0.spec") in left
    assert used.with_name(f"{6:064x}.0.spec") not in left


def test_all_files_together_are_bounded(tmp_path: Path) -> None:
    kept.read(YAML, "a.yaml", tmp_path)
    for number in range(3):
        file = the_folder(tmp_path) / f"{number:064x}.1.json"
        with file.open("wb") as sparse:
            sparse.truncate(kept.MAX_TOTAL // 2 - 1000)
        os.utime(file, (number, number))
    kept.read(YAML + b"# another", "a.yaml", tmp_path)
    left = {file.name[:64] for file in the_folder(tmp_path).iterdir()}
    assert f"{2:064x}" in left
    assert f"{1:064x}" in left
    assert f"{0:064x}" not in left
