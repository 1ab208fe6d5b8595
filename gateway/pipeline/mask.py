"""Keep the plugin's own secrets out of what goes to a caller.

An upstream may echo what it was sent. Its bodies and headers are searched for every secret of
the config as it stands, JSON-escaped, percent-encoded and in base64 (also as part of a longer
base64 text, where a secret has three forms, one per alignment).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from gateway.values import Headers

MASKED = "[masked]"
# Shorter ones would mask ordinary words and numbers; `check` warns of them.
MIN_SECRET = 6
# A token may be on its way when the next one is got.
MOST_LEARNT = 4


_MASKED = MASKED.encode()
_ESCAPE = re.compile(rb"\\(?:/|u([0-9A-Fa-f]{4}))")


def _unescaped(match: re.Match[bytes]) -> bytes:
    """A JSON escape as the character itself, where that may stand in a JSON text as it is."""
    if match[1] is None:
        return b"/"
    char = chr(int(match[1], 16))
    if char < " " or char in '"\\' or "\ud800" <= char <= "\udfff":
        return match[0]
    return char.encode()


class Mask:
    """Replaces secrets, each in all its forms."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._learnt: tuple[str, ...] = ()
        self._prepare(self._secrets)

    def learn(self, secret: str) -> None:
        """Keep one more out from now on; of these only the last few, since each replaces one."""
        self._learnt = (*self._learnt, secret)[-MOST_LEARNT:]
        self._prepare((*self._secrets, *self._learnt))

    def _prepare(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= MIN_SECRET for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._texts = tuple(longest_first)
        self._bytes = tuple(form.encode("utf-8", "surrogateescape") for form in longest_first)
        self._text = re.compile("|".join(map(re.escape, self._texts)) or r"(?!)")
        # To look for: whatever holds a longer form holds a shorter one inside it.
        self._needles = tuple(
            one
            for one in self._bytes
            if not any(other in one for other in self._bytes if other != one)
        )
        self._byte = re.compile(b"|".join(map(re.escape, self._bytes)) or rb"(?!)")

    def body(self, body: bytes) -> bytes:
        """A body without secrets; the very same object where there is none in it."""
        # `in` runs at memory speed, a pattern of alternatives does not: look first.
        for needle in self._needles:
            if needle in body:
                body = self._byte.sub(_MASKED, body)
                break
        if self._needles and b"\\" in body:
            # JSON may escape any character (RFC 8259 section 7), and a reader undoes it.
            plain = _ESCAPE.sub(_unescaped, body)
            if any(needle in plain for needle in self._needles):
                return self._byte.sub(_MASKED, plain)
        return body

    def text(self, text: str) -> str:
        """A text without secrets."""
        return self._text.sub(MASKED, text) if self._texts else text

    def headers(self, headers: Headers) -> Headers:
        """Headers without secrets in their values."""
        together = "\n".join([value for _, value in headers])
        if any(form in together for form in self._texts):
            return tuple((name, self.text(value)) for name, value in headers)
        return headers


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    raw = secret.encode("utf-8", "surrogateescape")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode()
        for offset in range(3):
            # Only the characters that no neighbour has a part in.
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            start = (offset * 8 + 5) // 6
            end = (offset + len(raw)) * 8 // 6
            if end - start >= MIN_SECRET:
                yield text[start:end]
