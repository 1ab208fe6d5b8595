"""`gateway demo`: both plugins of configs/ over embedded upstreams, offline and without a key."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
from collections.abc import Sequence
from typing import Any

import aiohttp
import click
import msgspec
from rich.table import Table

from gateway.app import Gateway, Options
from gateway.cli.common import json_option, out, print_json, run
from gateway.cli.serve import cannot_listen, host_option, port_option
from gateway.config import Loaded, read_configs
from gateway.demo import DEMO_PLUGINS, Demo, configs_dir, described, nba, start
from gateway.demo.upstream import listening
from gateway.shrinking import count

# What to try: plugin, what it shows, address below the plugin, the upstream's own address.
TRIES = (
    ("sportStats", "players named james", "/players?query=james", "/players?search=james"),
    ("sportStats", "a season's games of one team", "/games?seasons=2023&team_ids=14&limit=100",
     "/games?seasons[]=2023&team_ids[]=14&per_page=100"),
    ("stocks", "a price", "/price?symbol=AAPL", "/price?symbol=AAPL"),
    ("stocks", "five thousand days, cut to the budget",
     "/time_series?symbol=AAPL&interval=daily&limit=5000",
     "/time_series?symbol=AAPL&interval=1day&outputsize=5000"),
    ("stocks", "an unknown symbol: the upstream's own 400", "/quote?symbol=NOPE",
     "/quote?symbol=NOPE"),
)  # fmt: skip


@click.command()
@host_option
@port_option
@click.option("--once", is_flag=True, help="Show what there is to try, then stop.")
@click.option(
    "--api",
    is_flag=True,
    help="No gateway: serve the embedded NBA API and its OpenAPI document, to write a config for.",
)
@json_option
def demo(host: str, port: int, once: bool, api: bool, as_json: bool) -> None:
    """Serve two plugins offline, without a key.

    sportStats and stocks, over embedded upstreams.
    """
    if once and api:
        raise click.UsageError("--api has nothing to try; leave --once out")
    work = (
        _api(host, port, as_json=as_json)
        if api
        else _demo(Options(host, port), once=once, as_json=as_json)
    )
    try:
        run(work)
    except OSError as error:
        cannot_listen(host, port, error, as_json=as_json)


def _stopped() -> asyncio.Event:
    """An event that a signal sets."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _api(host: str, port: int, *, as_json: bool) -> None:
    stop = _stopped()
    async with listening(described.make_app(), host, port) as url:
        said = {"api": f"{url}/v1", "spec": url + described.DOCUMENT, "key": nba.KEY}
        if as_json:
            print_json(said)
        else:
            for what, text in said.items():
                out.print(f"{what:<5} {text}", markup=False)
        await stop.wait()


async def _demo(options: Options, *, once: bool, as_json: bool) -> None:
    stop = _stopped()
    async with start() as upstreams, Gateway(demo_configs(upstreams), options) as gateway:
        rows = await _tries(gateway, upstreams)
        if as_json:
            print_json({"url": gateway.url, "tries": rows})
        else:
            _print(gateway, rows)
        if not once:
            if not as_json:
                out.print("\nserving; Ctrl-C stops", style="green")
            await stop.wait()


def demo_configs(upstreams: Demo) -> Sequence[Loaded]:
    """The very configs of the repository, with the embedded upstreams' addresses and keys."""
    loaded = []
    for name, plugin in DEMO_PLUGINS.items():
        (one,) = read_configs([configs_dir() / name], plugin.env)
        upstream = msgspec.structs.replace(
            one.plugin.upstream, url=getattr(upstreams, plugin.upstream)
        )
        changed = msgspec.structs.replace(one.plugin, upstream=upstream)
        loaded.append(dataclasses.replace(one, plugin=changed))
    return loaded


async def _tries(gateway: Gateway, upstreams: Demo) -> list[dict[str, Any]]:
    """Make each call once, through the gateway and straight, and count both answers."""
    rows = []
    async with aiohttp.ClientSession() as client:
        for (name, what, path, straight), plugin in zip(
            TRIES, (DEMO_PLUGINS[_FILE[one[0]]] for one in TRIES), strict=True
        ):
            key = next(iter(plugin.env.values()))
            headers = {"Authorization": key if name == "sportStats" else f"apikey {key}"}
            raw_url = getattr(upstreams, plugin.upstream) + straight
            async with client.get(raw_url, headers=headers) as response:
                before = await response.text()
            url = f"{gateway.url}/{name}{path}"
            async with client.get(url) as response:
                after = await response.text()
                status = response.status
            rows.append(
                {
                    "what": what,
                    "url": url,
                    "status": status,
                    "tokens_before": count(before),
                    "tokens_after": count(after),
                }
            )
    return rows


_FILE = {"sportStats": "sportstats.yaml", "stocks": "stocks.yaml"}


def _print(gateway: Gateway, rows: list[dict[str, Any]]) -> None:
    out.print("[bold]Two plugins, served from configs/ over embedded upstreams[/bold]\n")
    for site in gateway.door.sites:
        base = f"{gateway.url}/{site.name}"
        out.print(f"[bold]{site.name}[/bold]")
        out.print(f"  manifest  {base}/.well-known/ai-plugin.json")
        out.print(f"  spec      {base}/openapi.yaml")
    table = Table(title="\nwhat to try", title_justify="left", box=None, pad_edge=False)
    table.add_column("call")
    for column in ("status", "tokens of the upstream", "through the gateway"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row["what"], str(row["status"]), f"{row['tokens_before']:,}", f"{row['tokens_after']:,}"
        )
    out.print(table)
    out.print()
    for row in rows:
        out.print(f"curl '{row['url']}'", markup=False)
    arguments = json.dumps({"query": "james"})
    out.print(f"curl {gateway.url}/sportStats/call/getPlayers -d '{arguments}'", markup=False)
