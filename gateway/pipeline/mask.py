"""Keep the plugin's own secrets out of what goes to a caller.

An upstream may echo what it was sent. Its bodies and headers are searched for every secret of
the config and for its base64 (also as part of a longer base64 text, where a secret has three
forms, one per alignment), each character of it as it stands, percent-encoded or escaped as JSON
may, in any mix. Of a secret that is so written only its own characters are replaced, the rest of
the body stays as it is.

A body may come whole or in pieces (`Search`); what leaves is the same.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from gateway.media import decoded, known_charset
from gateway.values import Headers

MASKED = "[masked]"
# Shorter ones would mask ordinary words and numbers; `check` warns of them.
MIN_SECRET = 6
# A token may be on its way when the next one is got.
MOST_LEARNT = 4
# Searched as they are: in these a secret's characters are the bytes that are looked for.
_AS_BYTES = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1"})

_MASKED = MASKED.encode()
_LONG, _PIECE = 512 * 1024, 64 * 1024
_LONGEST_ESCAPE = 12  # a pair of surrogates, for up to four bytes


class _Escapes:
    """The escapes of the characters that secrets are made of, and of no others: what is escaped
    otherwise (a line break, a letter with an accent) costs next to nothing."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        needles = tuple(needles)
        texts = "".join(one.decode("utf-8", "surrogateescape") for one in needles)
        self._plain = {b"%%%02x" % byte: bytes((byte,)) for byte in frozenset(b"".join(needles))}
        pairs = _grouped(f"{byte:02x}" for byte in frozenset(b"".join(needles)))
        wide: list[str] = []
        for char in frozenset(texts):
            encoded = char.encode("utf-8", "surrogateescape")
            short = json.dumps(char)[1:-1]
            if "\udc80" <= char <= "\udcff":  # a byte of a secret that is no text
                continue
            full = "".join(rf"\u{unit:04x}" for unit in _units(char))
            self._plain |= {full.encode(): encoded}
            wide.append(full[2:])
            if char == "/" or (short != char and len(short) == 2):
                self._plain[b"\\" + short[-1:].encode()] = encoded
        shorts = "".join(re.escape(key[1:].decode()) for key in self._plain if len(key) == 2)
        narrow = _grouped(one[2:] for one in wide if one.startswith("00") and len(one) == 4)
        long = "|".join(
            "".join(
                _any_case(part) if part != "\\u" else r"\\u" for part in re.split(r"(\\u)", one)
            )
            for one in wide
            if not (one.startswith("00") and len(one) == 4)
        )
        after = [f"u(?:{one})" for one in ("00" + narrow if narrow else "", long) if one]
        after += [f"[{shorts}]"] if shorts else []
        slash = rf"\\(?:{'|'.join(after)})" if after else "(?!)"
        percent = f"%{pairs}" if pairs else "(?!)"
        self._slash = re.compile(slash.encode())
        self._percent = re.compile(percent.encode())
        self._either = re.compile(f"{slash}|{percent}".encode())

    def of(self, text: bytes) -> re.Pattern[bytes] | None:
        """What finds the escapes of a text; None where there are none. A pattern that begins with
        one certain byte runs at memory speed."""
        slash = b"\\" in text and self._slash.search(text) is not None
        percent = b"%" in text and self._percent.search(text) is not None
        if slash and percent:
            return self._either
        return self._slash if slash else self._percent if percent else None

    def before(self, place: int) -> int:
        """A place where no escape is under way, before another."""
        if b"\\\\" in self._plain:  # of many in a row every second one is escaped
            return 0
        return max(0, place - _LONGEST_ESCAPE)

    def plain(self, match: re.Match[bytes]) -> bytes:
        """What an escape stands for."""
        written = match[0]
        return self._plain.get(written) or self._plain[written.lower()]

    def undone(self, escapes: re.Pattern[bytes], text: bytes) -> bytes:
        """A text without escapes, to look into."""
        if b"\\/" in self._plain and b"\\\\" not in self._plain:
            text = text.replace(b"\\/", b"/")  # some write each of many so
        return escapes.sub(self.plain, text)


def _units(char: str) -> Iterator[int]:
    """A character in UTF-16, as JSON escapes it."""
    data = char.encode("utf-16-be")
    return (int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))


def _any_case(digits: str) -> str:
    return "".join(one if one.isdigit() else f"[{one}{one.upper()}]" for one in digits)


def _grouped(pairs: Iterable[str]) -> str:
    """Pairs of hexadecimal digits as an expression that looks at each digit once."""
    behind: dict[str, str] = {}
    for pair in sorted(pairs):
        behind[pair[0]] = behind.get(pair[0], "") + pair[1]
    each = [f"{_any_case(first)}[{second}{second.upper()}]" for first, second in behind.items()]
    return f"(?:{'|'.join(each)})" if each else ""


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
        self._forms = tuple(sorted(forms, key=len, reverse=True))
        # To look for: whatever holds a longer form holds a shorter one inside it.
        self._needles = tuple(
            one
            for one in self._forms
            if not any(other in one for other in self._forms if other != one)
        )
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)) or rb"(?!)")
        self._escapes = _Escapes(self._forms)

    @property
    def searches(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._needles)

    def body(self, body: bytes, charset: str = "") -> bytes:
        """A body without secrets; the very same object where there is none in it.

        One in a charset that does not write its letters as ASCII does is searched as the text
        that it is.
        """
        if not self._needles:
            return body
        if charset and not is_bytes(charset) and known_charset(charset):
            text = decoded(body, charset)
            masked = self.text(text)
            return body if masked == text else masked.encode(charset, "replace")
        if len(body) > _LONG:
            return self._in_pieces(body)
        # `in` runs at memory speed, a pattern of alternatives does not: look first.
        if self._is_in(body):
            body = self._pattern.sub(_MASKED, body)
        if b"\\" in body or b"%" in body:
            return self._settled_escaped(body, len(body))[0]
        return body

    def _in_pieces(self, body: bytes) -> bytes:
        """A long body: in one piece it holds Python's lock for a tenth of a second."""
        search, view = self.search(), memoryview(body)
        same = 0  # how much is as it was; `pieces` are what comes behind it
        pieces: list[bytes] = []
        for at in range(0, len(body) + _PIECE, _PIECE):
            piece = bytes(view[at : at + _PIECE])
            masked = search.feed(piece) if piece else search.end()
            if pieces or not body.startswith(masked, same):
                pieces.append(masked)
            else:
                same += len(masked)
        return b"".join((view[:same], *pieces)) if pieces else body

    def _is_in(self, text: bytes) -> bool:
        for needle in self._needles:  # noqa: SIM110 - a generator costs twice as much
            if needle in text:
                return True
        return False

    def search(self) -> Search:
        """For a body in pieces."""
        longest = max(map(len, self._forms), default=0)
        return Search(
            _Window(self._settled_plain, longest),
            # Behind the last escape there may be the first bytes of one.
            _Window(self._settled_escaped, (longest + 1) * _LONGEST_ESCAPE),
        )

    def _settled_plain(self, text: bytes, sure: int) -> tuple[bytes, int]:
        """What of a text is settled, secrets that begin before `sure` replaced; how much it is."""
        if not self._is_in(text):
            return text[:sure], sure
        pieces, at = [], 0
        for match in self._pattern.finditer(text):
            if match.start() >= sure:
                break
            pieces += [text[at : match.start()], _MASKED]
            at = match.end()
        end = max(at, sure)
        return b"".join((*pieces, text[at:end])), end

    def _settled_escaped(self, text: bytes, sure: int) -> tuple[bytes, int]:
        """The same for secrets with an escape in them; no escape is parted."""
        escapes = self._escapes.of(text)
        if escapes is None:
            return text[:sure], sure
        for escape in escapes.finditer(text, self._escapes.before(sure)):
            if escape.end() > sure:
                sure = min(sure, escape.start())
                break
        if not self._is_in(self._escapes.undone(escapes, text)):
            return text[:sure], sure
        plain, place = self._without_escapes(escapes, text)
        pieces, at, end = [], 0, sure
        for match in self._pattern.finditer(plain):
            start, behind = place(match.start())[0], place(match.end() - 1)[1]
            if start >= sure:
                break
            if text[start:behind] != match[0]:
                pieces += [text[at:start], _MASKED]
                at = behind
            end = max(end, behind)
        return b"".join((*pieces, text[at:end])), end

    def _without_escapes(
        self, escapes: re.Pattern[bytes], text: bytes
    ) -> tuple[bytes, Callable[[int], tuple[int, int]]]:
        """A text with its escapes undone, and where a byte of it stands in the text as written."""
        pieces: list[bytes] = []
        plain_at, text_at, escaped = [0], [0], [False]  # of each run, and whether it is an escape
        size = at = 0
        for match in escapes.finditer(text):
            plain = self._escapes.plain(match)
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

    def text(self, text: str) -> str:
        """A text without secrets."""
        return self._said(text, "surrogatepass")

    def headers(self, headers: Headers) -> Headers:
        """Headers without secrets in their values."""
        together = "\n".join([value for _, value in headers])
        if self._said(together, "surrogateescape") == together:
            return headers
        return tuple((name, self._said(value, "surrogateescape")) for name, value in headers)

    def _said(self, text: str, errors: str) -> str:
        data = text.encode("utf-8", errors)
        masked = self.body(data)
        return text if masked is data else masked.decode("utf-8", errors)


def is_bytes(charset: str) -> bool:
    """Whether a body of a charset may be searched without decoding it."""
    return charset.lower() in _AS_BYTES


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


def _forms(secret: str) -> Iterator[bytes]:
    for plain in {secret, secret.replace(" ", "+")}:  # a form's space (WHATWG URL section 5.2)
        yield plain.encode("utf-8", "surrogateescape")
        with contextlib.suppress(UnicodeEncodeError):
            yield plain.encode("latin-1")
    raw = secret.encode("utf-8", "surrogateescape")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw)
        for offset in range(3):
            # Only the characters that no neighbour has a part in.
            text = encode(b"\0" * offset + raw).rstrip(b"=")
            start = (offset * 8 + 5) // 6
            end = (offset + len(raw)) * 8 // 6
            if end - start >= MIN_SECRET:
                yield text[start:end]
