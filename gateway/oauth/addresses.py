"""Where a plugin's sign-in is served, below its root, and what its documents name."""

from __future__ import annotations

from gateway.config import types

AUTHORIZE, CALLBACK, TOKEN = "/oauth/authorize", "/oauth/callback", "/oauth/token"


def published(settings: types.OAuth, base_url: str) -> tuple[str, str]:
    """The addresses of login and token exchange: ours where we relay, else those of the config."""
    if settings.client_id is None:
        return settings.client_url, settings.token_url
    return base_url + AUTHORIZE, base_url + TOKEN
