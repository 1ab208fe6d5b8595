"""The copilot face: Microsoft 365 Copilot's plugin manifest, and the OpenAPI document it names.

`/copilot.json` is a manifest of version 2.4. Traps of its schema that are held here: a runtime's
`spec` needs `progress_style` beside `url`, or it is taken for two kinds at once; an unknown key
makes the whole manifest invalid; `namespace` and function names are letters, digits and `_`.
Nothing is cut that the operator wrote: `limits` says what is too long.
Sources: the schema of plugin manifest 2.4; Microsoft's pages on API plugins and on confirmation
prompts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.config import types
from gateway.faces import pages
from gateway.faces.copilot_openapi import as_words, copilot_openapi, is_json, said
from gateway.faces.documents import BASE, Maker, template
from gateway.faces.openapi import plain
from gateway.faces.semantics import json_path, meaning
from gateway.faces.texts import Words
from gateway.plugin import Operation, Plugin

MANIFEST = "/copilot.json"
OPENAPI = "/copilot-openapi.json"
SCHEMA = "https://developer.microsoft.com/json-schemas/copilot/plugin/v2.4/schema.json"
PLATFORM = "copilot"  # in `verification_tokens`, and of `check --for`
LENGTHS = {"title": 20, "summary": 100, "description": 2048}  # characters; more may be ignored

_TEMPLATED = re.compile(r"[A-Za-z0-9_]+")
_MOST_LINES = 12  # of a confirmation


def documents(plugin: Plugin) -> Mapping[str, Maker]:
    """Make `/copilot.json` and the document that it names."""
    manifest = json.dumps(plain(describe(plugin, BASE)), ensure_ascii=False, indent=2) + "\n"
    spec = json.dumps(copilot_openapi(plugin, BASE), ensure_ascii=False, separators=(",", ":"))
    return {
        MANIFEST: template(manifest, "application/json"),
        OPENAPI: template(spec, "application/json"),
    }


# --- the manifest -----------------------------------------------------------------------------


def describe(plugin: Plugin, base_url: str) -> dict[str, Any]:
    """Write the manifest of a plugin that is served at `base_url`."""
    plugin, config = plugin.shown, plugin.config
    words = Words(config)
    return {
        "$schema": SCHEMA,
        "schema_version": "v2.4",
        "name_for_human": plugin.title,
        "namespace": plugin.name,
        "description_for_human": plugin.summary,
        "description_for_model": _description(plugin),
        "logo_url": pages.url(config.logo) or f"{base_url}/logo.png",
        **({"contact_email": plugin.contact} if plugin.contact else {}),
        "legal_info_url": pages.legal_url(config.legal, base_url),
        "functions": [_function(plugin, one, words) for one in plugin.operations.values()],
        "runtimes": [
            {
                "type": "OpenApi",
                "auth": _auth(plugin),
                "spec": {"url": base_url + OPENAPI, "progress_style": "ShowUsage"},
                "run_for_functions": list(plugin.operations),
            }
        ],
    }


def _description(plugin: Plugin) -> str:
    """The operator's words as they are; of ours, the list of operations, as many as fit."""
    if plugin.config.description:
        return plugin.description
    lines = plugin.description.split("\n")
    while len("\n".join(lines)) > LENGTHS["description"]:
        lines = [*lines[:-2], "- …"]
    return "\n".join(lines)


def reference_id(plugin: Plugin) -> str | None:
    """What Microsoft's portal gave for the plugin's key or sign-in; None: nothing was said."""
    auth = plugin.config.auth
    kind = None if isinstance(auth, str) else (auth.service or auth.oauth)
    return None if kind is None else kind.verification_tokens.get(PLATFORM)


def _auth(plugin: Plugin) -> dict[str, str]:
    """How calls prove themselves: by what the operator has registered at Microsoft's portal.

    What is not said is a blank that Microsoft's own tools fill in from their environment.
    """
    auth = plugin.config.auth
    if isinstance(auth, str):
        return {"type": "None"}
    return {
        "type": "OAuthPluginVault" if auth.oauth is not None else "ApiKeyPluginVault",
        "reference_id": reference_id(plugin) or f"${{{{{plugin.name.upper()}_REFERENCE_ID}}}}",
    }


def _function(plugin: Plugin, operation: Operation, words: Words) -> dict[str, Any]:
    return {
        "name": operation.name,
        "description": said(operation, words),
        "capabilities": {
            "confirmation": _confirmation(plugin, operation),
            **_semantics(operation),
            "security_info": {"data_handling": _handling(plugin, operation)},
        },
    }


def _confirmation(plugin: Plugin, operation: Operation) -> dict[str, Any]:
    """What a person is asked before the call. Only our own words: it is a template."""
    if not operation.consequential:
        return {"type": "None", "isNonConsequential": True}
    title = as_words(operation.name)
    named = [one.name for one in operation.arguments if _TEMPLATED.fullmatch(one.name)]
    lines = [f"* **{name}**: {{{{function.parameters.{name}}}}}" for name in named[:_MOST_LINES]]
    return {
        "type": "AdaptiveCard",
        "title": title,
        "body": "\n".join([f"{title}, in {plugin.name}?", *lines]),
    }


def _semantics(operation: Operation) -> dict[str, Any]:
    """Where the rows of an answer are, and what names one."""
    if not is_json(operation):
        return {}
    meant = meaning(operation)
    named = {word: json_path((name,)) for word, name in meant.named.items()}
    return {
        "response_semantics": {
            "data_path": json_path(meant.rows),
            **({"properties": named} if named else {}),
        }
    }


def _handling(plugin: Plugin, operation: Operation) -> list[str]:
    """What a call does with data: what needs nobody's proof, ours or the caller's, is public."""
    if operation.spec.method not in types.SAFE or operation.consequential:
        return ["ResourceStateUpdate"]
    config = plugin.config
    is_open = config.auth == "none" and not config.upstream.credential
    return ["GetPublicData" if is_open else "GetPrivateData"]
