"""examples/rivals: two plugins on one subject that neither a model nor an address mixes up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.conftest import Client
from tests.examples.conftest import (
    EXAMPLES,
    Parameters,
    Running,
    Serving,
    Start,
    environment,
    loaded,
    seen,
)

QUICK = {"Host": "quick.example.com"}
GREEN = {"Host": "green.example.com"}


@dataclass
class Rivals:
    client: Client
    quick: Running
    green: Running


@pytest.fixture
async def rivals(start: Start, serving: Serving) -> Rivals:
    quick = await start("rivals/upstream.py", "quick")
    green = await start("rivals/upstream.py", "green")
    client = await serving(
        loaded("rivals/green.yaml", {}, green.url), loaded("rivals/quick.yaml", {}, quick.url)
    )
    return Rivals(client, quick, green)


async def test_each_has_one_operation_under_a_name_of_its_own(rivals: Rivals) -> None:
    quick = await seen(rivals.client, "/quickParcel")
    green = await seen(rivals.client, "/greenCourier")
    assert quick == {"trackQuickParcel": Parameters({"number"}, set())}
    assert green == {"followGreenShipment": Parameters({"reference"}, set())}


async def test_the_words_for_models_say_whose_parcels_and_how_to_tell(rivals: Rivals) -> None:
    texts = []
    for name, number in (("quickParcel", "QP1001"), ("greenCourier", "GR-77-A")):
        told = (await rivals.client.get(f"/{name}/.well-known/ai-plugin.json")).json()
        assert told["description_for_model"].startswith("Use only for")
        assert number in told["description_for_model"]
        texts += [told["name_for_model"], told["name_for_human"], told["description_for_human"]]
    assert len(set(texts)) == len(texts)


async def test_each_is_served_below_its_name_and_asks_its_own_api(rivals: Rivals) -> None:
    answer = await rivals.client.get("/quickParcel/parcels/QP1002")
    assert answer.json()["history"][0]["place"] == "Lyon"
    assert rivals.quick.last.target == "/parcels/QP1002"
    assert rivals.green.received == []
    answer = await rivals.client.get("/greenCourier/track?reference=GR-78-B")
    assert answer.json()["status"] == "on a bicycle"
    assert rivals.green.last.target == "/track?ref=GR-78-B"
    assert len(rivals.quick.received) == 1


async def test_each_is_alone_at_the_root_of_its_host(rivals: Rivals) -> None:
    get = rivals.client.get
    assert (await get("/parcels/QP1001", headers=QUICK)).status == 200
    assert (await get("/track?reference=GR-77-A", headers=GREEN)).status == 200
    for headers, title in ((QUICK, "Quick Parcel"), (GREEN, "Green Courier")):
        told = await get("/.well-known/ai-plugin.json", headers=headers)
        assert told.json()["name_for_human"] == title
        assert (await get("/openapi.json", headers=headers)).json()["info"]["title"] == title


async def test_neither_answers_for_the_other(rivals: Rivals) -> None:
    get = rivals.client.get
    for target, headers in (
        ("/track?reference=GR-77-A", QUICK),
        ("/parcels/QP1001", GREEN),
        ("/greenCourier/track?reference=GR-77-A", QUICK),
        ("/quickParcel/track?reference=GR-77-A", {}),
        ("/greenCourier/parcels/QP1001", {}),
        ("/track?reference=GR-77-A", {}),
        ("/.well-known/ai-plugin.json", {}),
    ):
        assert (await get(target, headers=headers)).status == 404, target
    assert rivals.quick.received == rivals.green.received == []


async def test_the_shared_root_says_who_is_here(rivals: Rivals) -> None:
    listed = (await rivals.client.get("/")).body.decode()
    assert "quickParcel" in listed
    assert "greenCourier" in listed


@pytest.mark.parametrize(("example", "likened"), [("rivals", False), ("todo", True)])
def test_a_check_of_both_finds_nothing_to_mix_up(
    tmp_path: Path, example: str, likened: bool
) -> None:
    """The four todo lists are one plugin in four forms, and are told to be alike."""
    arguments = ["check", "--strict", "--state", str(tmp_path), str(EXAMPLES / example)]
    result = CliRunner().invoke(main, arguments, env=environment(example))
    assert (result.exit_code, "a model takes one" in result.output) == (int(likened), likened)
