"""Whatever a spec is, it is refused with a message or read, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import fuzz
from tests.hostile.cases import CASES, Case
from tests.hostile.server import CANARY, canary

ROOT = Path(__file__).parents[2]
if not sys.platform.startswith("linux"):
    pytest.skip("the bounds of a process are Linux's", allow_module_level=True)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, dict[str, Any]]:
    """Every case at its small size, each in its own jail; they are forked from one process."""
    command = [sys.executable, "-m", "tests.hostile", "--small", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)  # noqa: S603
    return {one["name"]: one for one in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(one, marks=pytest.mark.xfail(reason=one.open) if one.open else ())
        for one in CASES
    ],
    ids=lambda case: case.name,
)
def test_it_is_refused_or_read(case: Case, verdicts: dict[str, dict[str, Any]]) -> None:
    assert not verdicts[case.name]["wrong"]


@pytest.mark.parametrize("version", fuzz.DOCUMENTS)
def test_no_value_at_any_place_of_a_spec_is_unforeseen(version: str) -> None:
    document = fuzz.DOCUMENTS[version]
    assert not fuzz.wrong(document, checked=True)
    wrong = {
        what: faults
        for number, (what, changed) in enumerate(fuzz.variants(document))
        if number % 7 == 0 and (faults := fuzz.wrong(changed, checked=False))
    }
    assert wrong == {}


@pytest.mark.parametrize("by", ["file", "url"])
def test_no_address_in_a_spec_is_asked(by: str) -> None:
    command = [sys.executable, "-m", "tests.hostile.asked", by]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # noqa: S603
    assert json.loads(done.stdout) == {"leaked": [], "died": {}, "heard": ""}


def test_the_canary_sings(tmp_path: Path) -> None:
    import urllib.request

    with canary(tmp_path / "hits") as url, urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310
        assert CANARY in response.read().decode()
    assert (tmp_path / "hits").read_text() == "GET /\n"


def test_the_jail_holds() -> None:
    program = (
        "from tests.hostile.jail import run\n"
        "assert run(lambda: 1, 5).result == 1\n"
        "assert 'not done' in run(lambda: [0 for _ in iter(int, 1)], 0.2, 1 << 40).died\n"
        "assert 'MemoryError' in run(lambda: len(bytearray(1 << 30)), 5, 1 << 29).died\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)  # noqa: S603
