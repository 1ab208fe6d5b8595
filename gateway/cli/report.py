"""`gateway report`: what calls of a running gateway cost, and what was saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
from rich.text import Text

from gateway.cli.common import json_option, out, print_json, run
from gateway.spec.source import plain
from gateway.telemetry.plot import plot
from gateway.telemetry.report import COLUMNS, JSON, row_of, spec_told

ADMIN = "http://127.0.0.1:9090"
_SECONDS = 10.0
_MOST_BYTES = 64 * 1024 * 1024


@click.command()
@click.option(
    "--admin",
    default=ADMIN,
    metavar="URL",
    envvar="GATEWAY_ADMIN_URL",
    show_envvar=True,
    show_default=True,
    help="Where the gateway's --admin listens.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a picture of tokens before and after, as SVG.",
)
@json_option
def report(admin: str, picture: Path | None, as_json: bool) -> None:
    """Show what calls of a running gateway cost, and what was saved.

    Per operation: calls, errors, cache hits, tokens before and after, and where answers became
    bigger.
    """
    got = run(_ask(admin if "://" in admin else f"http://{admin}"))
    try:
        if picture is not None:
            drawn = plot(got)
            if not drawn:
                raise click.ClickException("no tokens were counted yet, so there is no picture")
            picture.write_text(drawn, "utf-8")
        if as_json:
            print_json(got)
        else:
            _print(got)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise click.ClickException(f"{plain(admin)} answers with what is no report") from None


async def _ask(admin: str) -> Any:
    """The report of the gateway whose --admin is there."""
    url = admin.rstrip("/") + "/report"
    shown = plain(url)
    hint = "is a gateway running, and is this its --admin?"
    try:
        async with (
            asyncio.timeout(_SECONDS),
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(url, headers={"Accept": JSON}, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise click.ClickException(f"{shown} answers {response.status}; {hint}")
            pieces, size = [], 0
            async for piece in response.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size > _MOST_BYTES:
                    raise click.ClickException(f"{shown} sends more than {_MOST_BYTES:,} bytes")
        return msgspec.json.decode(b"".join(pieces))
    except TimeoutError:
        raise click.ClickException(f"{shown} has not answered in {_SECONDS:g} s; {hint}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise click.ClickException(f"{shown} cannot be asked: {error}; {hint}") from None


def _print(got: dict[str, Any]) -> None:
    if not got["plugins"]:
        out.print("Nothing was called yet.")
    for plugin in got["plugins"]:
        out.rule(Text(plugin["plugin"], style="bold"), align="left", style="dim")
        told = spec_told(plugin["spec"])
        if told:
            out.print(told, markup=False, style="dim")
        if not plugin["operations"]:
            continue
        rows = [(row_of(one["operation"], one), one) for one in plugin["operations"]]
        if len(rows) > 1:
            rows.append((row_of("all", plugin["total"]), plugin["total"]))
        # No table: it would be cut to a terminal's width where there is none.
        widths = [
            max(map(len, column)) for column in zip(COLUMNS, *(row for row, _ in rows), strict=True)
        ]
        out.print(_line(COLUMNS, widths), markup=False, style="dim")
        for row, one in rows:
            style = "bold red" if one["is_bigger"] else None
            out.print(_line(row, widths), markup=False, style=style)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])
