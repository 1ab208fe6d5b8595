"""Schemathesis asks two plugins a few things; all plugins and a thousand cases are `make fuzz`'s.

Its environment is made once, below `.cache`. Without the registry this fails, unless
GATEWAY_TEST_OFFLINE=1 says it is known.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import NotInstalledError, environment
from tests.clients.serving import serving
from tests.fuzzing.known import ANY, KNOWN, sorted_out
from tests.fuzzing.running import HERE, Finding, Run, findings_of, fuzz

PLUGINS = ("tasks", "todoService")
EXAMPLES = 30

# --- what is served -----------------------------------------------------------------------------


async def test_what_the_documents_allow_is_taken_and_what_they_do_not_is_refused() -> None:
    offline = os.environ.get("GATEWAY_TEST_OFFLINE") == "1"
    try:
        tool = environment("schemathesis", offline=offline, below=HERE)
    except NotInstalledError as error:
        if offline:
            pytest.skip(str(error))
        pytest.fail(f"{error}\nSet GATEWAY_TEST_OFFLINE=1 to skip this.", pytrace=False)
    async with serving(only_here=True) as served:
        plugins = [one for one in served.plugins if one.name in PLUGINS]
        runs = [
            await fuzz(tool, plugin, version, EXAMPLES)
            for plugin, version in zip(plugins, ("3.0", "3.1"), strict=True)
        ]
    assert [error for run in runs for error in run.errors] == []
    assert list(sorted_out(runs).failures) == []
    assert [run.operations for run in runs] == [6, 4]
    assert all(run.cases > EXAMPLES * run.operations for run in runs)


# --- what is made of its findings ---------------------------------------------------------------


def recorded(check: str, status: int, body: str, kind: str = "application/problem+json") -> str:
    """A line of Schemathesis's own record in which a check failed."""
    failure = {"operation": "GET /a", "title": "Wrong", "message": "very\nwrong"}
    recorder: dict[str, Any] = {
        "checks": {
            "1": [
                {"name": check, "status": "failure", "failure_info": {"failure": failure}},
                {"name": "another", "status": "success"},
            ]
        },
        "interactions": {
            "1": {
                "request": {"method": "GET", "uri": "http://h/a?b=it's", "headers": {}},
                "response": {
                    "status_code": status,
                    "headers": {"content-type": [kind]},
                    "content": body,
                },
            }
        },
    }
    return json.dumps({"ScenarioFinished": {"recorder": recorder}})


def found(tmp_path: Path, *lines: str) -> list[Finding]:
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join((json.dumps({"Initialize": {}}), *lines)))
    return list(findings_of("p", "3.0", file))


def test_a_failed_check_is_told_with_its_request_and_answer(tmp_path: Path) -> None:
    detail = """'a' is x. y. "b" is not? 3 more are not."""
    body = json.dumps({"code": "bad_arguments", "detail": detail})
    (one,) = found(tmp_path, recorded("positive_data_acceptance", 400, body))
    assert one == Finding(
        plugin="p",
        version="3.0",
        operation="GET /a",
        check="positive_data_acceptance",
        what="Wrong: very wrong",
        code="bad_arguments",
        answered=f"400 {body}",
        faults=("'a' is x. y.", '"b" is not?'),
        request="""curl -X GET 'http://h/a?b=it'"'"'s'""",
    )


@pytest.mark.parametrize(
    ("check", "body", "kind", "upstreams"),
    [
        ("positive_data_acceptance", '{"error":"no"}', "application/json", True),
        ("positive_data_acceptance", '{"code":"upstream_error"}', "", True),
        ("positive_data_acceptance", '{"code":"bad_arguments"}', "", False),
        ("not_a_server_error", '{"code":"upstream_error"}', "", True),
        ("not_a_server_error", '{"code":"internal"}', "", False),
        ("not_a_server_error", "oops", "text/plain", False),
        ("response_schema_conformance", '{"code":"upstream_error"}', "", False),
    ],
)
def test_what_the_upstream_itself_refused_is_its_own(
    tmp_path: Path, check: str, body: str, kind: str, upstreams: bool
) -> None:
    (one,) = found(tmp_path, recorded(check, 500, body, kind or "application/problem+json"))
    assert one.is_upstreams is upstreams
    failures = sorted_out([Run("p", "3.0", 1, 1, 0.0, (one,), ())]).failures
    assert failures == (() if upstreams else (one,))


def test_a_line_counts_where_it_fits_and_is_told_where_nothing_fits_it() -> None:
    line = next(one for one in KNOWN if one.plugin == "slack")
    what = f"x {line.what}"
    fitting = Finding("slack", "3.0", line.operation, line.check, what, "", "", ("",), "")
    other = replace(fitting, plugin="stripe")
    sorted_ = sorted_out([Run("slack", "3.0", 1, 1, 0.0, (fitting, other), ())])
    assert sorted_.failures == (other,)
    assert sorted_.known == {("slack", line): 1}
    assert sorted_.unused(["slack"]) == []
    assert sorted_out([]).unused(["slack"]) == [line]
    anywhere = [one for one in KNOWN if one.plugin == ANY and not one.rare]
    assert sorted_out([]).unused([ANY]) == anywhere


def test_a_refusal_is_known_only_where_all_that_it_tells_is() -> None:
    line = next(one for one in KNOWN if one.plugin == ANY and one.fault)
    known = Finding("p", "3.0", "", line.check, "", "bad_arguments", "", (f"'a' {line.fault}",), "")
    both = replace(known, faults=(*known.faults, "'b' is missing."))
    found = sorted_out([Run("p", "3.0", 1, 1, 0.0, (known, both), ())])
    assert found.failures == (both,)
    assert found.known == {("p", line): 1}


# --- pins ---------------------------------------------------------------------------------------


def test_its_packages_are_pinned() -> None:
    lines = (HERE / "schemathesis" / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+==\d+(\.\d+)+", line) for line in lines)
