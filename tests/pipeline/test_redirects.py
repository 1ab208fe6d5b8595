"""What it costs to know where redirects lead, and that plans are not made in the loop."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gateway import sites
from gateway.pipeline import redirects
from tests.conftest import Serve, Upstream

MANY = 40


def _config(upstream: Upstream) -> str:
    one = "  get{0}:\n    call: GET /things{0}\n    description: Thing {0}.\n"
    operations = "".join(one.format(number) for number in range(MANY))
    return f"plugin: shop\nupstream: {{url: {upstream.url!r}}}\noperations:\n{operations}"


async def test_each_path_is_compiled_once_and_when_a_redirect_comes(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    template = redirects.template

    def counted(text: str) -> Any:
        compiled.append(text)
        return template(text)

    monkeypatch.setattr(redirects, "template", counted)
    client = await serve(_config(upstream))
    assert compiled == []
    upstream.says(status=302, headers={"Location": "/elsewhere"})
    for number in range(5):
        assert (await client.get(f"/things{number}")).status == 502
    assert sorted(compiled) == sorted(f"/things{number}" for number in range(MANY))


async def test_plans_are_not_made_in_the_loop(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[threading.Thread] = []
    plans = sites.plans

    def seen(*args: Any) -> Any:
        where.append(threading.current_thread())
        return plans(*args)

    monkeypatch.setattr(sites, "plans", seen)
    client = await serve(_config(upstream))
    upstream.says({})
    assert (await client.get("/as/copilot/things1")).status == 200
    assert len(where) >= 2
    assert threading.current_thread() not in where
