"""`gateway export`: a plugin's documents as files, for static hosting and for app packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli.common import (
    compile_all,
    configs_argument,
    err,
    fail,
    json_option,
    leave,
    out,
    print_json,
    run,
    state_directory,
    state_option,
)
from gateway.cli.placing import InTheWay, place, text_of
from gateway.cli.progress import progress
from gateway.cli.serve import public_url_option
from gateway.cli.unset import read_without_secrets
from gateway.errors import Mistake, Mistakes
from gateway.faces import FACES, Document, Maker
from gateway.faces.copilot import PLATFORM as COPILOT
from gateway.faces.tools import PATH as TOOLS
from gateway.faces.tools import TARGETS
from gateway.plugin import Plugin
from gateway.profiles import PROFILES, fitted

Face = Callable[[Plugin], Mapping[str, Maker]]

# Of a document that is served in several forms: what is asked for, and the file it becomes.
_FORMS: Mapping[str, Sequence[tuple[str, str]]] = {
    "/openapi.yaml": (("3.0", "openapi.yaml"), ("3.1", "openapi-3.1.yaml")),
    "/openapi.json": (("3.0", "openapi.json"), ("3.1", "openapi-3.1.json")),
    TOOLS: [(target, f"tools-{target}.json") for target in TARGETS],
}
_SECRET = re.compile(r"\.(tokens|client_id|client_secret)\b")
_MOST_NAMED = 10  # files that are in the way


@dataclass(frozen=True, slots=True)
class _File:
    plugin: str
    address: str  # where the gateway serves the same
    path: Path
    body: bytes


@click.command()
@configs_argument
@click.option(
    "--to",
    "directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory to write to; each plugin has one of its name there.",
)
@public_url_option
@click.option("--force", is_flag=True, help="Replace files that are there and say something else.")
@state_option
@json_option
def export(
    configs: tuple[Path, ...],
    directory: Path,
    public_url: str,
    force: bool,
    state: Path | None,
    as_json: bool,
) -> None:
    """Write the documents of plugins as files.

    Manifests, specs, tools, logo and legal page, with the addresses that they have where the
    gateway is served at --public-url: a web server that gives out the directory there gives out
    what the gateway would.
    """
    base = public_url.rstrip("/")
    if not base:
        text = "the documents hold absolute addresses: say --public-url https://gateway.example"
        leave(text, 2, as_json=as_json)
    loaded, unset = read_without_secrets(configs, state, as_json=as_json)
    if needed := [one for one in unset if _is_written(one)]:
        fail(Mistakes(needed), as_json=as_json)
    try:
        with progress(err, "reading specs") as tell:
            plugins = run(compile_all(loaded, state_directory(state), tell))
    except Mistakes as mistakes:
        fail(mistakes, as_json=as_json)
    files: list[_File] = []
    for plugin in plugins:
        if not isinstance(plugin, Plugin):
            leave(str(plugin), 1, as_json=as_json)
        files += _files(plugin, f"{base}/{plugin.name}", directory / plugin.name)
    fresh = [one for one in files if text_of(one.path) != one.body]
    try:
        place({one.path: one.body for one in fresh}, force=force)
    except InTheWay as found:
        leave(_in_the_way(found), 1, as_json=as_json)
    except OSError as error:
        text = f"nothing is written: {error.filename or directory}: {error.strerror or error}"
        leave(text, 1, as_json=as_json)
    _tell(files, fresh, as_json=as_json)


def _is_written(note: Mistake) -> bool:
    """Whether what is not set would stand in a document: of auth, all that is no secret."""
    return note.path.startswith("auth") and not _SECRET.search(note.path)


def _files(plugin: Plugin, base_url: str, directory: Path) -> Iterator[_File]:
    """Every document of a plugin, in every form, and what an agent's package needs as it is
    fitted to Copilot."""
    yield from _of_faces(plugin, FACES, base_url, directory)
    other = fitted(plugin, PROFILES[COPILOT])
    place = f"as/{COPILOT}"
    faces = {COPILOT: FACES[COPILOT]}
    yield from _of_faces(other, faces, f"{base_url}/{place}", directory / place)


def _of_faces(
    plugin: Plugin, faces: Mapping[str, Face], base_url: str, directory: Path
) -> Iterator[_File]:
    for face in faces.values():
        for address, maker in face(plugin).items():
            for form, name in _FORMS.get(address, (("", address[1:]),)):
                document = maker(base_url, form)
                path = directory / _named(name, document)
                yield _File(plugin.name, base_url + address, path, document.body)


def _named(name: str, document: Document) -> str:
    """A page without an ending is what web servers give out for a directory of its name."""
    is_page = document.content_type.startswith("text/html") and "." not in name
    return f"{name}/index.html" if is_page else name


def _in_the_way(found: InTheWay) -> str:
    shown = [str(path) for path in found.paths[:_MOST_NAMED]]
    more = f"\nand {len(found.paths) - len(shown)} more" if len(found.paths) > len(shown) else ""
    listed = "\n".join(shown)
    why, instead = "are there and say something else", ", or replace them with --force"
    if found.never:
        why, instead = "are no files, or no directories", ", or move them away"
    return (
        f"nothing is written: these {why}\n{listed}{more}\n"
        f"choose another directory with --to{instead}"
    )


def _tell(files: Sequence[_File], fresh: Sequence[_File], *, as_json: bool) -> None:
    written = {one.path for one in fresh}
    if as_json:
        print_json(
            [
                {
                    "plugin": one.plugin,
                    "file": str(one.path),
                    "url": one.address,
                    "bytes": len(one.body),
                    "written": one.path in written,
                }
                for one in files
            ]
        )
        return
    for one in files:
        word = "wrote    " if one.path in written else "unchanged"
        out.print(f"{word} {one.path}", markup=False)
