"""State and code: values that say everything themselves, so that no gateway has to remember them.

They are encrypted and authenticated (Fernet: AES-128-CBC, HMAC-SHA256, a time), since a code
holds the upstream's code: whoever could take that out could bring it into a login of his own.
The keys come from the client secret, which every gateway that serves the plugin has. scrypt
(RFC 7914) makes each guess at that secret dear, for those who try it on a state they were given.
Pure: the time is an argument, in seconds since 1970.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Generic, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken

# A login takes as long as a person looks for a password. RFC 6749 section 4.1.2: a code lives at
# most ten minutes; a platform exchanges it at once.
LOGIN_SECONDS = 600
CODE_SECONDS = 120
_KEY_BYTES = 32


class Login(msgspec.Struct, frozen=True, array_like=True):
    """What the state sent to the upstream says: who asked, and where the browser goes next.

    `id` names this login once and for all; `callback` is our own address that the upstream was
    given; `challenge` is the platform's PKCE, "" where it sent none; `verifier` is ours toward
    the upstream, "" where PKCE is switched off. A browser carries it, but cannot read it.
    """

    id: str
    redirect_uri: str
    state: str
    callback: str
    challenge: str
    verifier: str


class Code(msgspec.Struct, frozen=True, array_like=True):
    """What the code given to the platform says; `code` is the upstream's own."""

    id: str
    redirect_uri: str
    callback: str
    challenge: str
    verifier: str
    code: str


T = TypeVar("T", bound=msgspec.Struct)


class Seal(Generic[T]):
    """Closes values of one type into texts fit for a URL, and opens them for some seconds."""

    def __init__(self, kind: type[T], key: bytes, seconds: int) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self._seconds = seconds

    def close(self, value: T, now: float) -> str:
        """Make a text of a value."""
        closed = self._fernet.encrypt_at_time(msgspec.json.encode(value), int(now))
        return closed.decode().rstrip("=")

    def open(self, text: str, now: float) -> T | None:
        """Read a text; None where it is not ours, was changed, or is too old."""
        if not text.isascii():
            return None
        try:
            padded = text + "=" * (-len(text) % 4)
            plain = self._fernet.decrypt_at_time(padded, self._seconds, int(now))
            return self._decoder.decode(plain)
        except (InvalidToken, msgspec.DecodeError):
            return None


def seals(plugin: str, client_id: str, client_secret: str) -> tuple[Seal[Login], Seal[Code]]:
    """The seals of one plugin: another key for each, so that a state is never taken for a code."""
    keys = hashlib.scrypt(
        client_secret.encode(),
        salt=f"plugin-gateway oauth {plugin} {client_id}".encode(),
        n=2**14,  # 16 MiB and some 50 ms, once for each plugin
        r=8,
        p=1,
        dklen=2 * _KEY_BYTES,
    )
    return (
        Seal(Login, keys[:_KEY_BYTES], LOGIN_SECONDS),
        Seal(Code, keys[_KEY_BYTES:], CODE_SECONDS),
    )
