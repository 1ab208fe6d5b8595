"""`python -m bench mcp [SPEC]`: `tools/call` over Streamable HTTP, and what tool lists weigh.

One run of the race: our gateway beside FastMCP's `from_openapi` over the same upstream, and a
stored answer beside the bare handler, which answers a plain GET with the same JSON. With a spec (or
the variable BENCH_SPEC) also the tokens of `tools/list` that both make of it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench.load import BadAnswer, post
from bench.outside import OUTSIDE
from bench.race import Result, Unfair, race
from bench.rivals import GATEWAY, HERE, RIVALS, Rival, gateway
from bench.servers import NotStarted
from bench.specs import five

APP = str(HERE / "peers" / "fastmcp_app.py")
FASTMCP = (APP, "serve", "{port}", "{upstream}")
STRUCTURED = gateway("structured.yaml")
UNCACHED, CACHED = 12.0, 0.35  # goals
PATH = "/mcp"
LISTS = ("all", "five", "search")
# What the reference SDK's client sends.
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "bench",
}
MODERN = "2026-07-28"
_PREFIX = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Caller(Rival):
    """One that is asked by `tools/call`. `modern` is the revision that says itself in headers."""

    tool: str = "carried"
    modern: bool = False

    def requests(self, port: int) -> list[bytes]:
        """Calls for one page after the other."""
        return [self._request(port, page) for page in range(self.pages)]

    def _request(self, port: int, page: int) -> bytes:
        headers = dict(HEADERS)
        params: dict[str, object] = {"name": self.tool, "arguments": {"page": page}}
        if self.modern:
            headers |= {"MCP-Protocol-Version": MODERN}
            headers |= {"Mcp-Method": "tools/call", "Mcp-Name": self.tool}
            client = {"name": "bench", "version": "1"}
            about = {"protocolVersion": MODERN, "clientInfo": client, "clientCapabilities": {}}
            params["_meta"] = {_PREFIX + name: value for name, value in about.items()}
        call = {"jsonrpc": "2.0", "id": page, "method": "tools/call", "params": params}
        return post(port, self.path, headers, json.dumps(call).encode())

    def read(self, answer: bytes) -> bytes:
        """The text of the result."""
        message = json.loads(answer)
        if "result" not in message or message["result"].get("isError"):
            raise Unfair(f"{self.name} answers {answer[:300]!r}")
        text: str = message["result"]["content"][0]["text"]
        return text.encode()


def _bare() -> Rival:
    return next(rival for rival in RIVALS if rival.name == "bare handler")


def _callers() -> tuple[Rival, ...]:
    bare = _bare()

    def uncached(name: str, python: tuple[str, ...] = GATEWAY, *, modern: bool = False) -> Caller:
        return Caller(
            name, python, PATH, carries=True, against="FastMCP", goal=UNCACHED, modern=modern
        )

    def cached(name: str, *, modern: bool = False) -> Caller:
        return Caller(
            name,
            GATEWAY,
            PATH,
            carries=False,
            against=bare.name,
            goal=CACHED,
            pages=bare.pages,
            tool="stored",
            modern=modern,
        )

    return (
        Caller("FastMCP", FASTMCP, PATH, carries=True, outside="FastMCP"),
        uncached("call"),
        uncached("call, modern", modern=True),
        uncached("call, structured", STRUCTURED),
        bare,
        cached("cached"),
        cached("cached, modern", modern=True),
    )


CALLERS = _callers()


@click.command("mcp")
@click.argument("spec", required=False, envvar="BENCH_SPEC", type=click.Path(path_type=Path))
@click.option("--seconds", default=1.0, show_default=True, help="How long each is driven a round.")
@click.option(
    "--rounds", default=9, show_default=True, help="How often each; 0 counts tokens only."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(spec: Path | None, seconds: float, rounds: int, as_json: bool) -> None:
    """Measure `tools/call` beside FastMCP, and count the tokens of SPEC's tool list.

    GitHub's spec, which the figures are of, is generated/api.github.com.json of the npm package
    @octokit/openapi: `npm pack @octokit/openapi`, then `tar xf` what that wrote.
    """
    from bench.__main__ import machine, table

    err, out = Console(stderr=True), Console(highlight=False)
    missing = OUTSIDE["FastMCP"].found[1]
    if missing:
        raise click.ClickException(f"FastMCP is not here: {missing}")
    results: list[Result] = []
    lists: list[Listed] = []
    try:
        with err.status("looking for the peers") as status:
            if rounds:
                results = race(CALLERS, rounds=rounds, seconds=seconds, progress=status.update)
            if spec is not None:
                status.update("counting tokens")
                lists = tool_lists(spec)
    except (NotStarted, BadAnswer, Unfair) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        figures = {
            "machine": machine(),
            "results": [dataclasses.asdict(one) for one in results],
            "lists": [dataclasses.asdict(one) for one in lists],
        }
        click.echo(json.dumps(figures, indent=2))
        return
    if results:
        out.print(table(results))
    if lists:
        out.print(_tokens(lists))
    out.print(f"{machine()}; {rounds} rounds of {seconds:g} s")


# --- what lists weigh ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A list of tools: how many each serves and the tokens that it weighs; of FastMCP's also
    without the output schemas, which we give only where `structured` asks for them."""

    name: str
    tools: int
    tokens: int
    fastmcp_tools: int
    fastmcp_tokens: int
    fastmcp_inputs: int


def tool_lists(spec: Path) -> list[Listed]:
    """What both make of a spec: of all its operations, of five, and behind a search."""
    from gateway.listing import listed
    from gateway.shrinking import count
    from gateway.spec.document import parse

    document = parse(spec.read_bytes(), spec.name)
    chosen = five(listed(document))
    lists = []
    for name in LISTS:
        ours = _ours(spec, document, name, chosen)
        theirs = _fastmcp(spec, name, chosen)
        inputs = [{key: tool[key] for key in tool if key != "outputSchema"} for tool in theirs]
        own, whole, less = (count(msgspec.json.encode(one)) for one in (ours, theirs, inputs))
        lists.append(Listed(name, len(ours), own, len(theirs), whole, less))
    return lists


def _ours(
    spec: Path, document: object, name: str, chosen: Sequence[tuple[str, str]]
) -> list[object]:
    from gateway.config import read_configs
    from gateway.faces.mcp import of_plugin
    from gateway.faces.tool import tools_of
    from gateway.plugin import build

    settings = {
        "plugin": "measured",
        "spec": str(spec.resolve()),
        "upstream": {"url": "https://api.example.com"},
        "operations": [f"{method} {path}" for method, path in chosen] if name == "five" else "all",
        "expose": "search" if name == "search" else "all",
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "measured.yaml"
        config.write_text(json.dumps(settings))  # which is YAML, too
        (loaded,) = read_configs([config], {})
    plugin = build(loaded, document, spec.name)
    endpoint = of_plugin(plugin.shown, tools_of(plugin.shown))
    tools: list[object] = json.loads(endpoint.listed_before)["tools"]
    return tools


def _fastmcp(spec: Path, name: str, chosen: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    wanted = ",".join(":".join(one) for one in chosen) if name == "five" else name
    command = [OUTSIDE["FastMCP"].found[0], APP, "tools", str(spec), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        raise NotStarted(done.stderr[-500:])
    tools: list[dict[str, Any]] = json.loads(done.stdout)
    return tools


def _tokens(lists: Sequence[Listed]) -> Table:
    shown = Table(title="Tokens of tools/list", box=None, padding=(0, 2, 0, 0))
    shown.add_column("operations", no_wrap=True)
    for name in ("tools", "tokens", "FastMCP's tools", "tokens", "ratio", "inputs alone", "ratio"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in lists:
        shown.add_row(
            one.name,
            f"{one.tools:,}",
            f"{one.tokens:,}",
            f"{one.fastmcp_tools:,}",
            f"{one.fastmcp_tokens:,}",
            f"{one.fastmcp_tokens / one.tokens:.1f}",
            f"{one.fastmcp_inputs:,}",
            f"{one.fastmcp_inputs / one.tokens:.1f}",
        )
    return shown
