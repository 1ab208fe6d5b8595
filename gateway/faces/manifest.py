"""The manifest face: `ai-plugin.json` (schema_version v1), and the logo and legal page it names.

No official schema of the format was ever published; ours stands beside this file. Every field
is always there: LangChain refuses a manifest without `logo_url`, `contact_email` or
`legal_info_url`. `authorization_url` is the token endpoint, whatever its name says.
Source: OpenAI's plugin documentation of May and September 2023.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.config import types
from gateway.faces import legal, logo, pages
from gateway.faces.documents import BASE, Maker, document, fixed, template
from gateway.oauth.addresses import published
from gateway.plugin import Plugin

MANIFEST = "/.well-known/ai-plugin.json"


def documents(plugin: Plugin) -> Mapping[str, Maker]:
    """Make `/.well-known/ai-plugin.json`, `/logo.png` and `/legal`."""
    text = json.dumps(describe(plugin, BASE), ensure_ascii=False, indent=2) + "\n"
    drawn = plugin.logo if plugin.logo is not None else logo.draw(plugin.name)
    if plugin.legal is None:
        text_of_ours = legal.write(plugin).encode("utf-8", "replace")
        terms = document(text_of_ours, pages.HTML, headers=pages.HEADERS)
    else:
        # The operator's own page may bring a style of its own: no policy.
        content_type, given = plugin.legal
        terms = document(given, content_type)
    return {
        MANIFEST: template(text, "application/json"),
        "/logo.png": fixed(document(drawn, "image/png")),
        "/legal": fixed(terms),
    }


def describe(plugin: Plugin, base_url: str) -> dict[str, Any]:
    """Write the manifest of a plugin that is served at `base_url`."""
    config = plugin.config
    return {
        "schema_version": "v1",
        "name_for_human": plugin.title,
        "name_for_model": plugin.name,
        "description_for_human": plugin.summary,
        "description_for_model": plugin.description,
        "auth": _auth(config.auth, base_url),
        "api": {
            "type": "openapi",
            "url": f"{base_url}/openapi.yaml",
            "is_user_authenticated": _is_user_authenticated(config.auth),
        },
        "logo_url": pages.url(config.logo) or f"{base_url}/logo.png",
        "contact_email": plugin.contact,
        "legal_info_url": pages.legal_url(config.legal, base_url),
    }


def _is_user_authenticated(auth: types.Auth | str) -> bool:
    """Whether every person brings an own proof."""
    return not isinstance(auth, str) and (auth.user is not None or auth.oauth is not None)


def _auth(auth: types.Auth | str, base_url: str) -> dict[str, Any]:
    """How callers prove themselves, in the manifest's words."""
    if isinstance(auth, str):
        return {"type": "none"}
    written: dict[str, Any] = {}
    instructions: str | None = None
    if auth.service is not None:
        instructions = auth.service.instructions
        written = {
            "type": "service_http",
            "authorization_type": auth.service.scheme,
            "verification_tokens": auth.service.verification_tokens,
        }
    elif auth.user is not None:
        instructions = auth.user.instructions
        written = {"type": "user_http", "authorization_type": auth.user.scheme}
    elif auth.oauth is not None:
        instructions = auth.oauth.instructions
        client_url, token_url = published(auth.oauth, base_url)
        written = {
            "type": "oauth",
            "client_url": client_url,
            "scope": auth.oauth.scope,
            "authorization_url": token_url,
            "authorization_content_type": auth.oauth.content_type,
            "verification_tokens": auth.oauth.verification_tokens,
        }
    return {**written, "instructions": instructions} if instructions else written
