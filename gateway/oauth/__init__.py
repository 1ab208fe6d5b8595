"""The sign-in relay: another domain's OAuth under the plugin's own addresses.

Platforms take OAuth addresses on the plugin's own domain only. So `/oauth/authorize` sends the
browser on to the upstream's login, `/oauth/callback` takes it back and sends it to the platform,
and `/oauth/token` exchanges what the platform got there.

Read `relay` first: the three addresses. `requests` reads what a platform sends, `exchange` talks
to the upstream's token endpoint, `seal` makes state and code, `redirects` says where a browser
may be sent. Why it is built so: docs/decisions/0007-oauth-relay.md.
Source: RFC 6749, RFC 7636 (PKCE), RFC 9700 (security practice).
"""

from __future__ import annotations

from gateway.oauth.relay import PRIVATE, Relay, relay_of

__all__ = ["PRIVATE", "Relay", "relay_of"]
