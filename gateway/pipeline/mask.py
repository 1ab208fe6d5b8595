"""Keep the plugin's own secrets out of what goes to a caller.

An upstream may echo what it was sent. Its bodies and headers are searched for every secret of
the config as it stands, JSON-escaped, percent-encoded and in base64 (also as part of a longer
base64 text, where a secret has three forms, one per alignment). Of a secret written with JSON
escapes only its own characters are replaced, the rest of the body stays as it is written.

A body may come whole or in pieces (`Search`); what leaves is the same.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from gateway.values import Headers

MASKED = "[masked]"
# Shorter ones would mask ordinary words and numbers; `check` warns of them.
MIN_SECRET = 6
# A token may be on its way when the next one is got.
MOST_LEARNT = 4


_MASKED = MASKED.encode()
_ESCAPE = re.compile(rb"\\(?:/|u([0-9A-Fa-f]{4}))")
_LONGEST_ESCAPE = 6  # for one byte, or up to three


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

    @property
    def searches(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._needles)

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
                return self._settled_escaped(body, len(body))[0]
        return body

    def search(self) -> Search:
        """For a body in pieces."""
        longest = max(map(len, self._bytes), default=0)
        return Search(
            _Window(self._settled_plain, longest),
            # Behind the last escape there may be the first bytes of one.
            _Window(self._settled_escaped, (longest + 1) * _LONGEST_ESCAPE),
        )

    def _settled_plain(self, text: bytes, sure: int) -> tuple[bytes, int]:
        """What of a text is settled, secrets that begin before `sure` replaced; how much it is."""
        if not any(needle in text for needle in self._needles):
            return text[:sure], sure
        pieces, at = [], 0
        for match in self._byte.finditer(text):
            if match.start() >= sure:
                break
            pieces += [text[at : match.start()], _MASKED]
            at = match.end()
        end = max(at, sure)
        return b"".join((*pieces, text[at:end])), end

    def _settled_escaped(self, text: bytes, sure: int) -> tuple[bytes, int]:
        """The same for secrets with an escape in them; no escape is parted."""
        begins = text.rfind(b"\\", max(0, sure - _LONGEST_ESCAPE), sure)
        if begins >= 0 and (escape := _ESCAPE.match(text, begins)) and escape.end() > sure:
            sure = begins
        if b"\\" not in text:
            return text[:sure], sure
        plain, place = _without_escapes(text)
        if not any(needle in plain for needle in self._needles):
            return text[:sure], sure
        pieces, at, end = [], 0, sure
        for match in self._byte.finditer(plain):
            start, behind = place(match.start())[0], place(match.end() - 1)[1]
            if start >= sure:
                break
            if text[start:behind] != match[0]:
                pieces += [text[at:start], _MASKED]
                at = behind
            end = max(end, behind)
        return b"".join((*pieces, text[at:end])), end

    def text(self, text: str) -> str:
        """A text without secrets."""
        return self._text.sub(MASKED, text) if self._texts else text

    def headers(self, headers: Headers) -> Headers:
        """Headers without secrets in their values."""
        together = "\n".join([value for _, value in headers])
        if any(form in together for form in self._texts):
            return tuple((name, self.text(value)) for name, value in headers)
        return headers


class Search:
    """Takes the secrets out of a body that comes in pieces. It holds back what might be one."""

    def __init__(self, plain: _Window, escaped: _Window) -> None:
        self._plain, self._escaped = plain, escaped

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece; give what is sure by now, which may be nothing."""
        return self._escaped.feed(self._plain.feed(piece))

    def end(self) -> bytes:
        """Give the rest: there is no more to come."""
        return self._escaped.feed(self._plain.end()) + self._escaped.end()


class _Window:
    """As much of the end of a text as a secret may be long."""

    def __init__(self, settle: Callable[[bytes, int], tuple[bytes, int]], longest: int) -> None:
        self._settle, self._longest = settle, longest
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        # Whatever begins before here ends in what has come, however long it is.
        sure = len(text := self._held + piece) - self._longest + 1
        if sure <= 0:
            self._held = text
            return b""
        settled, end = self._settle(text, sure)
        self._held = text[end:]
        return settled

    def end(self) -> bytes:
        text, self._held = self._held, b""
        return self._settle(text, len(text))[0]


def _without_escapes(text: bytes) -> tuple[bytes, Callable[[int], tuple[int, int]]]:
    """A text with its escapes undone, and where a byte of it stands in the text as written."""
    pieces: list[bytes] = []
    plain_at, text_at, escaped = [0], [0], [False]  # of each run, and whether it is an escape
    size = at = 0
    for match in _ESCAPE.finditer(text):
        plain = _unescaped(match)
        if plain == match[0]:
            continue
        pieces += [text[at : match.start()], plain]
        size += match.start() - at
        at = match.end()
        plain_at += [size, size + len(plain)]
        text_at += [match.start(), at]
        escaped += [True, False]
        size += len(plain)
    pieces.append(text[at:])

    def place(index: int) -> tuple[int, int]:
        run = bisect_right(plain_at, index) - 1
        if escaped[run]:
            return text_at[run], text_at[run + 1]
        start = text_at[run] + index - plain_at[run]
        return start, start + 1

    return b"".join(pieces), place


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
