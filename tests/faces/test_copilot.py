"""What the published schema of plugin manifest 2.4 does not forgive, held without it.

`make conformance-copilot` asks the schema itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.config import types
from gateway.faces.copilot import MANIFEST, OPENAPI, documents
from gateway.plugin import Operation, Plugin
from gateway.values import Argument, SpecReply

BASE = "https://gw.example/sportStats"
KEYS = {
    "$schema", "schema_version", "name_for_human", "namespace", "description_for_model",
    "description_for_human", "logo_url", "contact_email", "legal_info_url", "functions",
    "runtimes",
}  # fmt: skip
TEXT = {"type": "string"}
Make = Callable[..., Plugin]


def manifest(plugin: Plugin) -> dict[str, Any]:
    document = documents(plugin)[MANIFEST](BASE, "")
    assert document.content_type == "application/json"
    made: dict[str, Any] = json.loads(document.body)
    return made


def function(plugin: Plugin) -> dict[str, Any]:
    (one,) = manifest(plugin)["functions"]
    return dict(one)


def test_only_known_keys_are_there(plugin: Make) -> None:
    made = manifest(plugin())
    assert made.keys() == KEYS
    assert made["schema_version"] == "v2.4"
    assert manifest(plugin(contact="")).keys() == KEYS - {"contact_email"}
    (one,) = made["functions"]
    assert one.keys() == {"name", "description", "capabilities"}
    assert one["capabilities"].keys() == {"confirmation", "response_semantics", "security_info"}


def test_a_runtime_is_of_one_kind_only_with_a_progress_style(plugin: Make) -> None:
    (runtime,) = manifest(plugin())["runtimes"]
    assert runtime == {
        "type": "OpenApi",
        "auth": {"type": "None"},
        "spec": {"url": BASE + OPENAPI, "progress_style": "ShowUsage"},
        "run_for_functions": ["getPlayers"],
    }


def test_names_are_letters_digits_and_underscores(
    plugin: Make, operation: Callable[..., Operation]
) -> None:
    made = manifest(plugin(operation("get_players"), operation("x", path="/x")))
    assert re.fullmatch("[A-Za-z0-9]+", made["namespace"])
    for one in made["functions"]:
        assert re.fullmatch("[A-Za-z0-9_]+", one["name"])


TOKENS = {"openai": "x", "copilot": "the-id"}
OAUTH = {"client_url": "https://a.example/authorize", "token_url": "https://a.example/token"}
BLANK = "${{SPORTSTATS_REFERENCE_ID}}"


@pytest.mark.parametrize(
    ("auth", "written"),
    [
        (types.Auth(service=types.ServiceAuth(tokens={"a": "secret"}, verification_tokens=TOKENS)),
         {"type": "ApiKeyPluginVault", "reference_id": "the-id"}),
        (types.Auth(service=types.ServiceAuth(tokens={"a": "secret"})),
         {"type": "ApiKeyPluginVault", "reference_id": BLANK}),
        (types.Auth(user=types.UserAuth()), {"type": "ApiKeyPluginVault", "reference_id": BLANK}),
        (types.Auth(oauth=types.OAuth(**OAUTH, verification_tokens=TOKENS)),
         {"type": "OAuthPluginVault", "reference_id": "the-id"}),
        (types.Auth(oauth=types.OAuth(**OAUTH)),
         {"type": "OAuthPluginVault", "reference_id": BLANK}),
    ],
)  # fmt: skip
def test_auth_always_has_a_reference_id_and_never_a_secret(
    plugin: Make, auth: types.Auth, written: Mapping[str, str]
) -> None:
    made = manifest(plugin(auth=auth))
    assert made["runtimes"][0]["auth"] == written
    assert "secret" not in json.dumps(made)


def test_the_operator_s_words_are_never_cut_and_our_own_list_is(
    plugin: Make, operation: Callable[..., Operation]
) -> None:
    long = "d" * 3000
    own = plugin(description=long)
    own = replace(own, config=msgspec.structs.replace(own.config, description=long))
    assert manifest(own)["description_for_model"] == long
    ours = "\n".join(["Use it:", *(f"- op{n}: {'x' * 60}" for n in range(100))])
    cut = manifest(plugin(description=ours))["description_for_model"]
    assert len(cut) <= 2048
    assert cut.startswith("Use it:\n- op0: ")
    assert cut.endswith(f"{'x' * 60}\n- …")


def test_what_changes_something_asks_first_in_words(
    plugin: Make, operation: Callable[..., Operation]
) -> None:
    arguments = (
        Argument("team_id", "path", ("id",), TEXT, required=True, served="path"),
        Argument("filter[x]", "query", ("f",), TEXT),
    )
    one = operation("deleteOneTeam", "DELETE", "/teams/{team_id}", arguments=arguments)
    capabilities = function(plugin(one))["capabilities"]
    assert capabilities["confirmation"] == {
        "type": "AdaptiveCard",
        "title": "Delete one team",
        "body": "Delete one team, in sportStats?\n* **team_id**: {{function.parameters.team_id}}",
    }
    assert capabilities["security_info"] == {"data_handling": ["ResourceStateUpdate"]}


@pytest.mark.parametrize(
    ("method", "consequential", "more", "handling", "asks"),
    [
        ("GET", False, {}, "GetPublicData", False),
        ("GET", False, {"auth": types.Auth(user=types.UserAuth())}, "GetPrivateData", False),
        ("GET", False, {"upstream": types.Upstream(credential=types.Credential(bearer="k"))},
         "GetPrivateData", False),
        ("GET", True, {}, "ResourceStateUpdate", True),
        # The operator knows better whether to ask, not what a write does.
        ("POST", False, {}, "ResourceStateUpdate", False),
    ],
)  # fmt: skip
def test_what_a_call_does_with_data_goes_by_method_and_proof(
    plugin: Make,
    operation: Callable[..., Operation],
    method: str,
    consequential: bool,
    more: Any,
    handling: str,
    asks: bool,
) -> None:
    made = plugin(operation(method=method, consequential=consequential), **more)
    capabilities = function(made)["capabilities"]
    assert capabilities["security_info"] == {"data_handling": [handling]}
    nothing = {"type": "None", "isNonConsequential": True}
    assert (capabilities["confirmation"] != nothing) is asks


def test_the_rows_of_an_answer_are_pointed_at(
    plugin: Make, operation: Callable[..., Operation]
) -> None:
    row = {"type": "object", "properties": {"name": TEXT, "html_url": TEXT}}
    returns = {"type": "object", "properties": {"all of it": {"type": "array", "items": row}}}
    assert function(plugin(operation(returns=returns)))["capabilities"]["response_semantics"] == {
        "data_path": '$["all of it"]',
        "properties": {"title": "$.name", "url": "$.html_url"},
    }
    for reply in (SpecReply(content_type="image/png"), SpecReply(status="204")):
        one = function(plugin(operation(reply=reply)))
        assert "response_semantics" not in one["capabilities"]
