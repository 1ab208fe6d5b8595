"""A call is read in few places: the door, one face, the steps of its plan, few parts besides."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import gateway
from tests.conftest import Serve, Upstream

ROOT = Path(gateway.__file__).parent
BESIDES = {"routes", "request", "shrinking", "caching", "care", "limits", "telemetry"}
STEPS = {"auth", "limit", "validate", "shrink", "cache", "fetch"}


async def test_a_call_is_followed_through_the_door_one_face_and_its_steps(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(
        f"""
        plugin: things
        contact: a@example.com
        upstream: {{url: "{upstream.url}", credential: {{bearer: "${{KEY}}"}}}}
        auth: {{service: {{tokens: {{me: "${{TOKEN}}"}}}}}}
        limit: 100/min
        cache: 60s
        operations:
          getThing:
            call: "GET /things/{{id}}"
            parameters: {{id: {{in: path, type: string, required: true, description: Which}}}}
            returns: {{type: object, properties: {{path: {{type: string}}}}}}
            fields: [path]
        """,
        env={"KEY": "the-operators-key", "TOKEN": "the-callers-token"},
    )
    token = {"Authorization": "Bearer the-callers-token"}
    await client.get("/things/6", headers=token)  # connections stand from here on
    seen: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> None:
        file = Path(frame.f_code.co_filename)
        if event == "call" and ROOT in file.parents:
            seen.append(str(file.relative_to(ROOT).with_suffix("")))

    sys.setprofile(trace)
    try:
        answer = await client.get("/things/7", headers=token)
    finally:
        sys.setprofile(None)
    assert answer.json() == {"path": "/things/7"}
    # Now and then a turn of the loop is looked at, and not for the call.
    seen = [name for name in seen if name not in ("turns", "overload")]
    seen = [name for name, before in zip(seen, ["", *seen], strict=False) if name != before]
    faces = {name for name in seen if name.startswith("faces/")}
    steps = {name.removeprefix("pipeline/") for name in seen if name.startswith("pipeline/")}
    others = {name.partition("/")[0] for name in seen} - {"pipeline", "faces"}
    assert len(faces) == 1
    assert steps >= STEPS
    assert (
        others - {"browsers", "connections", "proxy", "recorder", "response", "slots", "values"}
        <= BESIDES
    )
    assert seen[:2] == ["connections", "proxy"]
    assert seen[-2:] == ["response", "connections"]  # which is asked whether it stays
