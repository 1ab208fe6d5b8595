"""Parsed specs between runs, as JSON below the state directory: for speed, and offline.

JSON is read seven to ten times as fast as the same document in YAML. In `specs/` are

    TEXT.1.json   a document, named by the digest of the text that it was parsed from; of one
                  that was asked for with secrets, and is kept without them, of its URL, too
    URL.1.url     what a URL gave last, named by the digest of the address and the headers:
                  which document, from where, when
    URL.1.parts   what the files beside a document held, with the digests of their texts; URL
                  may also be a path

A text gets here only after it was parsed as a spec, so that what a host says while it is
being mended replaces nothing. Whatever is wrong with a file, it reads as absent and is written
anew; where it cannot be, that is a warning. What was not used for longest makes room.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec

from gateway import yaml12
from gateway.errors import SpecError, Unreadable
from gateway.spec.document import family, parse

Document = dict[str, Any]
Masked = Callable[[Any], Any]  # takes out the secrets that a host may have said back

# In every file's name. Raise it when a text is read into other values than before, or a file
# gets another form: what an older gateway kept is then not read, and makes room in time.
FORMAT = 1
MAX_FILE = yaml12.DEFAULT.bytes  # more would not be read again
MAX_FILES = 512  # 170 specs by URL, at three files each
MAX_TOTAL = 1024 * 1024 * 1024  # of all files; the largest public spec (Graph) takes 20 MB
_MAX_NOTE = 64 * 1024
_OURS = re.compile(r"[0-9a-f]{64}\..+")  # of any format, and what a crash left half written


class Note(msgspec.Struct, frozen=True):
    """What a URL gave last. `at` is a date for people."""

    document: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    location: str
    at: str


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What a file beside the document held, and the digest of the text that said so.

    `base` is where it was in the end, if a redirect gave it: its references are relative to that.
    """

    digest: str
    value: Any
    base: str = ""


def read(
    text: bytes,
    location: str,
    state: Path | None,
    url: str | None = None,
    masked: Masked | None = None,
) -> tuple[Document, tuple[str, ...]]:
    """The document that a text holds, parsed unless it was before, and kept.

    Args:
        text: What a file or a host gave.
        location: What messages call it.
        state: The directory for what outlives a run, or None.
        url: `key` of the address that gave the text, where `recall` shall find it.
        masked: What is kept and given has been through it.

    Returns:
        The document, and warnings.

    Raises:
        SpecError: it is no spec; nothing was kept.
    """
    known = None
    if state is not None:
        folder = state / "specs"
        # A copy without one's own secrets is nobody else's.
        name = text if masked is None else (url or "").encode() + text
        digest = hashlib.sha256(name).hexdigest()
        known = _document(folder, digest)
    document = parse(text, location) if known is None else known
    if masked is not None:
        document = masked(document)
    if state is None:
        return document, ()
    try:
        if known is None:
            _write(_document_path(folder, digest), _dumped(document))
        if url is not None:
            at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            note = Note(digest, location, at)
            _write(_note_path(folder, url), msgspec.json.encode(note))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return document, (f"the spec is not kept for the next start: {folder}: {reason}",)
    return document, ()


def recall(state: Path | None, url: str) -> tuple[Document, Note] | None:
    """What a URL gave in an earlier run, if that is still there. `url` is its `key`."""
    if state is None:
        return None
    data = _read(_note_path(state / "specs", url), _MAX_NOTE)
    try:
        note = msgspec.json.decode(data or b"", type=Note)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    document = _document(state / "specs", note.document)
    return None if document is None else (document, note)


def key(where: str, headers: Mapping[str, str]) -> str:
    """The name of an address: who asks with another key gets another text."""
    sent = sorted((name.lower(), value) for name, value in headers.items())
    return hashlib.sha256(repr((where, sent)).encode("utf-8", "replace")).hexdigest()


def recall_parts(state: Path | None, key: str) -> dict[str, Part]:
    """What the files beside a document held, by address. `key` is the document's."""
    data = None if state is None else _read(_parts_path(state / "specs", key), MAX_FILE)
    if data is None:
        return {}
    try:
        return msgspec.convert(yaml12.load_json(data), dict[str, Part])
    except (Unreadable, msgspec.ValidationError):
        return {}


def keep_parts(state: Path | None, key: str, parts: Mapping[str, Part]) -> str | None:
    """Keep what the files beside a document held; a warning where that cannot be."""
    if state is None:
        return None
    plain = {address: [part.digest, part.value, part.base] for address, part in parts.items()}
    try:
        _write(_parts_path(state / "specs", key), _dumped(plain))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return f"the spec's files are not kept for the next start: {state / 'specs'}: {reason}"
    return None


# --- files ------------------------------------------------------------------------------------


def _document_path(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.{FORMAT}.json"


def _note_path(folder: Path, url: str) -> Path:
    return folder / f"{url}.{FORMAT}.url"


def _parts_path(folder: Path, key: str) -> Path:
    return folder / f"{key}.{FORMAT}.parts"


def _document(folder: Path, digest: str) -> Document | None:
    data = _read(_document_path(folder, digest), MAX_FILE)
    if data is None:
        return None
    try:
        document = yaml12.load_json(data)
        if not isinstance(document, dict):
            return None
        family(document)
    except (Unreadable, SpecError):
        return None
    return document


def _dumped(document: Document) -> bytes:
    """JSON as `yaml12.load_json` reads it back. ValueError where that cannot be."""
    data = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > MAX_FILE:
        raise ValueError(f"as JSON it has more than {MAX_FILE:,} bytes")
    return data


def _read(path: Path, limit: int) -> bytes | None:
    """A file's bytes; None where it is absent or too large. Reading counts as use."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        return None
    with suppress(OSError):  # a state directory that is only read is fine for this
        os.utime(path)
    return data if len(data) <= limit else None


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner only, and make room for it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _make_room(path)


def _make_room(new: Path) -> None:
    """Remove what was not used for longest. Of our names only: it may be somebody's directory."""
    found = []
    for path in new.parent.iterdir():
        if path != new and _OURS.fullmatch(path.name):
            with suppress(FileNotFoundError):  # another process makes room, too
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
    total = new.stat().st_size
    for number, (_, size, path) in enumerate(sorted(found, reverse=True), start=2):
        total += size
        if number > MAX_FILES or total > MAX_TOTAL:
            path.unlink(missing_ok=True)
