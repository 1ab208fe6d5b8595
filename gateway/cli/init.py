"""`gateway init`: a first config for some operations of a spec."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from gateway.authoring.catalogue import Entry, in_memory, pick, settings
from gateway.authoring.draft import Draft, write
from gateway.authoring.naming import plugin_name
from gateway.authoring.needs import credentials, secret_headers, server
from gateway.authoring.search import Index
from gateway.authoring.words import one_line
from gateway.cli.common import caller_headers, err, json_option, leave, print_json, state_option
from gateway.cli.ops import no_match
from gateway.cli.spec import Spec, is_url, spec_argument, spec_headers_option, with_spec
from gateway.config import types
from gateway.errors import Mistakes
from gateway.spec.model import normalise
from gateway.spec_filter import trim

LIMIT = 8  # operations, where nobody says how many; a model tells a dozen apart well
SCHEMA = Path(types.__file__).with_name("schema.json")
# A search's hits below this part of the best one's score are about something else.
_AKIN = 0.35
# Between two names; a path may have commas of its own: `GET /at/{lat},{lon}`.
_COMMA = re.compile(r",(?=\s*[A-Z]+ /|\s*[^/{},]+(?:,|$))")
_READY, _LIKE = 300, 20  # operations in comments: of all, and after a search of what fits less


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is served, and what stands ready in comments; `how` says how it was chosen."""

    chosen: list[Entry]
    rest: list[Entry]
    how: str = ""


@dataclass(frozen=True, slots=True)
class _Made:
    """A draft, how its operations were chosen, and why some of them are not in it."""

    draft: Draft
    how: str
    lost: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why there is no draft, and what to leave with."""

    text: str
    code: int = 2


@click.command()
@spec_argument
@click.option("--search", metavar="WORDS", help="The operations that fit WORDS best.")
@click.option(
    "--operations",
    "names",
    multiple=True,
    metavar="NAME",
    help="This operation: its name, 'METHOD /path', a glob such as 'GET /users/**', or all. "
    "May be repeated; commas separate.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 500),
    help="At most so many of --search, or where nothing is chosen; not with --operations. "
    f"[default: {LIMIT}]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The file to write, or a directory (a new one ends in /) for a file named after the "
    "plugin; - prints it. [default: the current directory]",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@spec_headers_option
@state_option
@json_option
def init(
    spec: str,
    search: str | None,
    names: tuple[str, ...],
    limit: int | None,
    output: str | None,
    force: bool,
    headers: tuple[str, ...],
    state: Path | None,
    as_json: bool,
) -> None:
    """Write a first config for a spec.

    It is commented, serves some of the operations, and `gateway check` accepts it.
    """
    if search is not None and names:
        raise click.UsageError("--search and --operations both choose; give one of them")
    if limit is not None and names:
        raise click.UsageError("--operations says which; --limit goes without it")
    target, is_directory = _target(output, force=force, as_json=as_json)
    wanted = [part.strip() for name in names for part in _COMMA.split(name) if part.strip()]
    where = spec if is_url(spec) else Path(spec)
    base = target if is_directory else target.parent
    sent = tuple(caller_headers(headers))
    try:
        made = with_spec(
            spec,
            state,
            lambda one: _make(one, where, base, search, wanted, limit, sent),
            headers=headers,
            as_json=as_json,
        )
    except Mistakes as mistakes:  # there is no file that they could be about
        leave("\n".join(one.message for one in mistakes.mistakes), 1, as_json=as_json)
    if isinstance(made, _Problem):
        leave(made.text, made.code, as_json=as_json)
    text = write(made.draft)
    written = None
    if output != "-":
        written = target / f"{made.draft.name}.yaml" if is_directory else target
        _check_free(written, force=force, as_json=as_json)
        _save(written, text, make=is_directory, force=force, as_json=as_json)
    elif not as_json:
        click.echo(text, nl=False)
    if as_json:
        print_json(_report(made, written, text))
    else:
        _tell(made, written)


def _target(output: str | None, *, force: bool, as_json: bool) -> tuple[Path, bool]:
    """Where to write, and whether that is a directory, there or to be made."""
    if output in (None, "-"):
        return Path(), True
    target = Path(output or "")
    try:
        target.resolve()  # links may lead in a circle
        is_directory = target.is_dir() or (output or "").endswith(("/", os.sep))
        if not is_directory:
            _check_free(target, force=force, as_json=as_json)
    except (OSError, RuntimeError, ValueError) as error:
        _unwritable(target, error, as_json=as_json)
    return target, is_directory


def _unwritable(target: Path, error: Exception, *, as_json: bool) -> NoReturn:
    reason = error.strerror or error if isinstance(error, OSError) else error
    leave(f"{one_line(str(target), 80)} cannot be written: {reason}", 2, as_json=as_json)


def _check_free(target: Path, *, force: bool, as_json: bool) -> None:
    if target.exists() and not force:
        text = f"{target} exists; name another file with --output, or replace it with --force"
        leave(text, 2, as_json=as_json)


def _save(target: Path, text: str, *, make: bool, force: bool, as_json: bool) -> None:
    try:
        if make:
            target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        _unwritable(target, error, as_json=as_json)


# --- making it --------------------------------------------------------------------------------


def _make(
    spec: Spec,
    where: str | Path,
    base: Path,
    search: str | None,
    names: Sequence[str],
    limit: int | None,
    headers: Sequence[str],
) -> _Made | _Problem:
    choice = _choose(spec, search, names, limit)
    if isinstance(choice, _Problem):
        return choice
    spec.progress(f"compiling {len(choice.chosen)} operations")
    model = normalise(trim(spec.source.document, (), spec.references)[0], spec.source.location)
    own = server(model.servers, spec.source.location, from_url=spec.source.from_url)
    stem = Path(re.split(r"[?#]", str(where))[0]).stem
    name = plugin_name(model.title, stem)
    loaded = in_memory(settings(choice.chosen), plugin=name, url=own.url if own else None)
    plugin = spec.plugin(loaded)
    kept = [one for one in choice.chosen if one.name in plugin.operations]
    found = credentials(spec.source.document, spec.references, kept, name)
    taken = {one.place for one in choice.chosen}
    rest = [one for one in choice.rest if one.place not in taken]
    return _Made(
        draft=Draft(
            name=name,
            spec=str(where) if isinstance(where, str) else _from(base, where),
            schema=_schema(base),
            title=model.title.strip(),
            about=model.description,
            contact=model.contact,
            server=own,
            headers=secret_headers(headers, name),
            credentials=found,
            plugin=plugin,
            chosen=kept,
            rest=rest,
            more=sum(one.is_servable and one.place not in taken for one in spec.entries)
            - len(rest),
        ),
        how=choice.how,
        lost=[
            f"{line.operation} cannot be served: {line.what}" for line in plugin.ledger if line.lost
        ],
    )


def _choose(
    spec: Spec, search: str | None, names: Sequence[str], limit: int | None
) -> _Choice | _Problem:
    able = [one for one in spec.entries if one.is_servable]
    if names:
        picked, faults = pick(spec.entries, names)
        faults += [f"{one.place!r} cannot be served" for one in picked if not one.is_servable]
        if faults:
            return _Problem("\n".join(faults))
        return _Choice(picked, able[:_READY])
    if search is not None:
        index = Index(able)
        hits = index.search(search)
        if not hits:
            return _Problem(no_match(search, index.nearest(search), len(able)), 1)
        least = _AKIN * hits[0].score if limit is None else 0.0
        akin = [hit.entry for hit in hits if hit.score >= least][: limit or LIMIT]
        return _Choice(akin, [hit.entry for hit in hits[: len(akin) + _LIKE]])
    if not able:
        return _Problem("none of its operations can be served", 1)
    most = limit or LIMIT
    # Few operations are taken whole.
    if len(able) <= max(most, 12 if limit is None else 0):
        return _Choice(able, [])
    reading = [one for one in able if one.method == "GET" and not one.deprecated]
    pool = reading or able
    how = f"the first {min(most, len(pool))} of {len(pool):,}"
    how += " that only read" if reading else ""
    how += "; choose with --search or --operations"
    return _Choice(pool[:most], able[:_READY], how)


def _from(base: Path, spec: Path) -> str:
    """A file as it is named from a directory."""
    return Path(os.path.relpath(spec.resolve(), base.resolve())).as_posix()


def _schema(base: Path) -> str:
    """Where editors find the schema: from the file, if both are in one checkout."""
    if base.resolve().is_relative_to(SCHEMA.parents[2]):
        return _from(base, SCHEMA)
    return SCHEMA.as_uri()


# --- telling it -------------------------------------------------------------------------------


def _todo(draft: Draft) -> list[str]:
    """What a person has to do before the plugin can be served."""
    own = draft.server
    return [
        *([f"upstream.url: {own.why}"] if own else []),
        *(f"export {name}=… before it is served" for name in draft.environment),
        *draft.credentials.notes,
        *(
            f"{name}: the model is asked for it; see the comments there"
            for name in sorted(draft.asked)
        ),
    ]


def _report(made: _Made, target: Path | None, text: str) -> dict[str, object]:
    draft = made.draft
    return {
        "file": str(target) if target else None,
        **({} if target else {"config": text}),
        "plugin": draft.name,
        "operations": {one.name: one.place for one in draft.chosen},
        "left_out": len(draft.rest) + draft.more,
        "environment": draft.environment,
        "todo": _todo(draft),
        "lost": made.lost,
    }


def _tell(made: _Made, target: Path | None) -> None:
    draft = made.draft
    err.print(f"{draft.name}: {', '.join(one.name for one in draft.chosen)}", markup=False)
    if made.how:
        err.print(made.how, markup=False, style="yellow")
    for line in made.lost:
        err.print(one_line(line), markup=False, style="red")
    for line in _todo(draft):
        err.print(f"to do  {line}", markup=False, style="yellow")
    if target is not None:
        err.print(f"wrote {target}; now: gateway check {target}", markup=False, style="green")
