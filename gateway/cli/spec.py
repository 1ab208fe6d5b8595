"""Reading a spec that no config names yet: what `ops`, `init` and `trim` begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from gateway.authoring.catalogue import Entry, catalogue
from gateway.cli.common import err, leave, run, state_directory
from gateway.cli.progress import progress
from gateway.config import Loaded
from gateway.errors import SpecError, SpecUnavailable
from gateway.plugin import Plugin, build
from gateway.references import References, WantedError
from gateway.spec.parts import Library
from gateway.spec.source import Progress, Source, fetch

T = TypeVar("T")

spec_argument = click.argument("spec", metavar="FILE|URL")


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


def with_spec(where: str, state: Path | None, work: Callable[[Spec], T], *, as_json: bool) -> T:
    """Read a spec, a file relative to the working directory or a URL, and do some work with it.

    The work is done again from its start where it needs other files of the spec. Leaves with 1
    where the spec cannot be had or read.
    """
    if not is_url(where) and not Path(where).exists():
        text = f"{where} is not there; give the file of an OpenAPI document, or its URL"
        leave(text, 1, as_json=as_json)
    try:
        with progress(err, f"reading {where}") as tell:
            return run(_with_spec(where, state_directory(state), work, tell))
    except (SpecError, SpecUnavailable) as error:
        leave(str(error), 1, as_json=as_json)


def is_url(spec: str) -> bool:
    """Whether a spec is named by its URL."""
    return spec.lower().startswith(("http://", "https://"))


async def _with_spec(where: str, state: Path, work: Callable[[Spec], T], tell: Progress) -> T:
    source = await fetch(where, base=Path(), headers={}, state=state, progress=tell)
    warnings = list(source.warnings)
    async with Library(source, headers={}, state=state) as library:
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
        err.print(warning, markup=False, style="yellow")
    return result


def _worked(source: Source, references: References, work: Callable[[Spec], T], tell: Progress) -> T:
    entries = catalogue(source.document, references, source.location)
    return work(Spec(source, references, entries, tell))
