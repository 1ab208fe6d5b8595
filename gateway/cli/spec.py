"""Reading a spec that no config names yet: what `ops`, `init` and `trim` begin with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from gateway.authoring.catalogue import Entry, catalogue
from gateway.authoring.words import one_line
from gateway.cli.common import caller_headers, err, leave, run, state_directory
from gateway.cli.progress import progress
from gateway.config import Loaded
from gateway.errors import SpecError, SpecUnavailable
from gateway.loading import masked_document
from gateway.pipeline import Mask
from gateway.plugin import Plugin, build
from gateway.references import References, WantedError
from gateway.spec.parts import Library
from gateway.spec.source import WANTS_KEY, Progress, Source, fetch

T = TypeVar("T")

spec_argument = click.argument("spec", metavar="FILE|URL")
spec_headers_option = click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="NAME: VALUE",
    help="A header to ask the URL with, such as 'Authorization: Bearer …'. May be repeated.",
)
_LOOKED_AT = 1024 * 1024  # bytes of what is no spec, to say what it is


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec at work: its document, its operations, and plugins made of it in memory."""

    source: Source
    references: References
    entries: tuple[Entry, ...]
    progress: Progress

    @property
    def title(self) -> str:
        """What the spec calls itself; "" where it does not."""
        info = self.references.followed(self.source.document.get("info")).items
        title = info.get("title")
        return title.strip() if isinstance(title, str) else ""

    def plugin(self, loaded: Loaded) -> Plugin:
        """Compile a plugin of this spec.

        Raises:
            WantedError: other files of the spec are to be read first.
            Mistakes: what is wrong with the config.
        """
        source = self.source
        return build(
            loaded,
            source.document,
            source.location,
            from_url=source.from_url,
            parts=self.references.parts,
        )


def with_spec(
    where: str,
    state: Path | None,
    work: Callable[[Spec], T],
    *,
    headers: Sequence[str] = (),
    as_json: bool,
) -> T:
    """Read a spec, a file relative to the working directory or a URL, and do some work with it.

    The work is done again from its start where it needs other files of the spec. `headers` are
    `NAME: VALUE` texts to ask a URL with. Leaves with 2 where the spec cannot be read, with 1
    where it cannot be had yet.
    """
    sent = dict(caller_headers(headers))
    # A server may say back what it was sent; of `Bearer abc` the second word alone.
    mask = Mask({one for value in sent.values() for one in (value, value.rpartition(" ")[2])})
    if not is_url(where):
        if problem := _no_file(where):
            leave(problem, 2, as_json=as_json)
        if sent:
            raise click.BadParameter("is sent to a URL; this is a file", param_hint="--header")
    try:
        with progress(err, f"reading {where}") as tell:
            return run(_with_spec(where, sent, mask, state_directory(state), work, tell))
    except SpecError as error:
        text = str(error).replace(WANTS_KEY, "; if it wants a key, give --header 'NAME: VALUE'")
        leave(mask.text(text) if is_url(where) else _of_file(where, text), 2, as_json=as_json)
    except SpecUnavailable as error:
        leave(mask.text(str(error)), 1, as_json=as_json)


def is_url(spec: str) -> bool:
    """Whether a spec is named by its URL."""
    return spec.lower().startswith(("http://", "https://"))


_GIVE = "give the file of an OpenAPI document, or its URL"


def _no_file(where: str) -> str:
    """Why no file can be read there; "" where one may."""
    if not where.strip():
        return f"no spec is named; {_GIVE}"
    try:
        path = Path(where)
        if path.is_dir():
            return f"{where} is a directory; {_GIVE}"
        path.stat()
    except FileNotFoundError:
        return f"{where} is not there; {_GIVE}"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"{one_line(where, 80)} cannot be read: {reason}; {_GIVE}"
    return ""


def _of_file(where: str, fault: str) -> str:
    """What is wrong with a file, which may be a config by mistake."""
    try:
        text = Path(where).read_bytes()[:_LOOKED_AT]
    except OSError:
        return fault
    if re.search(rb"^plugin:", text, re.MULTILINE):
        return (
            f"{where} is a plugin's config, not an OpenAPI document: `gateway check {where}` "
            "reads it; here give the file or URL that it names as its spec"
        )
    return fault


async def _with_spec(
    where: str,
    headers: Mapping[str, str],
    mask: Mask,
    state: Path,
    work: Callable[[Spec], T],
    tell: Progress,
) -> T:
    masked = partial(masked_document, mask=mask) if headers else None
    source = await fetch(
        where, base=Path(), headers=headers, state=state, progress=tell, masked=masked
    )
    warnings = list(source.warnings)
    async with Library(source, headers=headers, state=state, masked=masked) as library:
        while True:
            tell("listing the operations")
            references = References(source.document, library.parts)
            try:
                result = await asyncio.to_thread(_worked, source, references, work, tell)
                break
            except WantedError as wanted:
                tell(f"reading {len(wanted.addresses)} more files")
                await library.read(wanted.addresses, wanted.ahead)
    for warning in (*warnings, *library.warnings, *library.notes):
        err.print(mask.text(warning), markup=False, style="yellow")
    return result


def _worked(source: Source, references: References, work: Callable[[Spec], T], tell: Progress) -> T:
    entries = catalogue(source.document, references, source.location)
    return work(Spec(source, references, entries, tell))
