"""What happens to calls when a gateway is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.conftest import Serve, Upstream
from tests.reload.conftest import document
from tests.workers.conftest import PLUGIN, WITHIN, Gate, Start, until


async def test_calls_in_flight_are_answered_and_nobody_else_is_let_in(
    start: Start, gate: Gate
) -> None:
    gateway = await start()
    async with aiohttp.ClientSession() as session:
        calls = [asyncio.create_task(get(session, gateway.url + "/one/slow")) for _ in range(5)]
        await until(lambda: gate.waiting == 5)
        reader, writer = await connected(gateway.url)
        await said(reader, writer, "GET", "/healthz")
        gateway.signal(signal.SIGTERM)

        async def draining() -> bool:
            return (await gateway.ready())[1]["draining"]

        await until(draining)
        assert (await gateway.ready())[0] == 503
        # A connection that is kept tells it as well, and that it ends with this answer.
        head, body = await said(reader, writer, "GET", "/readyz")
        assert head.startswith("HTTP/1.1 503 ")
        assert "connection: close" in head.lower()
        assert body == b'{"draining":true}'
        writer.close()

        async def is_refused() -> bool:
            try:
                _, other = await connected(gateway.url)
            except ConnectionRefusedError:
                return True
            other.close()
            await other.wait_closed()
            return False

        await until(is_refused)
        gate.opened.set()
        assert await asyncio.gather(*calls) == [(200, "close")] * 5
    assert await gateway.ended() == 0


async def test_a_call_that_does_not_end_is_cut_off_at_the_deadline(
    start: Start, gate: Gate
) -> None:
    gateway = await start("--drain", "0.3")
    async with aiohttp.ClientSession() as session:
        call = asyncio.create_task(get(session, gateway.url + "/one/slow"))
        await until(lambda: gate.waiting == 1)
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        with pytest.raises(aiohttp.ClientError):
            await call
    assert "1 call was cut off: not finished within 0.3 s" in gateway.said


async def test_a_second_signal_ends_at_once(start: Start, gate: Gate) -> None:
    gateway = await start("--drain", "3600")
    async with aiohttp.ClientSession() as session:
        call = asyncio.create_task(get(session, gateway.url + "/one/slow"))
        await until(lambda: gate.waiting == 1)
        gateway.signal(signal.SIGINT)

        async def draining() -> bool:
            return (await gateway.ready())[1]["draining"]

        await until(draining)
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 128 + signal.SIGTERM
        with pytest.raises(aiohttp.ClientError):
            await call


async def test_a_terminal_that_is_closed_is_the_end_and_else_sighup_reloads(
    start: Start, gate: Gate
) -> None:
    terminal, stdin = os.openpty()
    gateway = await start(stdin=stdin)
    os.close(stdin)
    gateway.config.write_text(gateway.config.read_text().replace("getIt", "fetchIt"))
    gateway.signal(signal.SIGHUP)
    await until(lambda: "fetchIt" in gateway.said)
    assert (await gateway.ready())[0] == 200
    os.close(terminal)
    gateway.signal(signal.SIGHUP)
    assert await gateway.ended() == 0


async def test_a_call_whose_body_is_still_coming_is_answered(
    serve: Serve, upstream: Upstream
) -> None:
    """aiohttp's own shutdown throws away what arrives from then on."""
    client = await serve(PLUGIN % upstream.url)
    reader, writer = await connected(client.gateway.url)
    head = b"POST /it HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(head + b'Content-Length: 7\r\n\r\n{"a"')
    await until(lambda: client.gateway.door.calls or client.gateway._runner.server.connections)
    draining = asyncio.create_task(client.gateway.drain(30))
    await until(lambda: client.gateway.door.draining)
    writer.write(b":1}")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert await draining == 0
    assert upstream.last.body == b'{"a":1}'
    writer.close()


async def test_of_callers_who_never_pause_no_call_is_lost(serve: Serve, upstream: Upstream) -> None:
    client = await serve(PLUGIN % upstream.url)
    url = client.gateway.url
    answered = lost = 0

    async def busy() -> None:
        """Call on one connection until its answer says that it ends, then on another one."""
        nonlocal answered, lost
        while True:
            try:
                reader, writer = await connected(url)
            except ConnectionError:  # reset as well: the kernel had not made it when it was closed
                return
            head = ""
            try:
                while "connection: close" not in head.lower():
                    head, _ = await said(reader, writer, "GET", "/it")
                    answered += 1
            except (ConnectionError, asyncio.IncompleteReadError):
                lost += 1
            writer.close()

    callers = [asyncio.create_task(busy()) for _ in range(20)]
    await until(lambda: answered > 200)
    assert await client.gateway.drain(30) == 0
    await asyncio.gather(*callers)
    assert lost == 0
    assert len(upstream.received) == answered


async def test_idle_connections_are_closed(serve: Serve, upstream: Upstream) -> None:
    client = await serve(PLUGIN % upstream.url)
    reader, writer = await connected(client.gateway.url)
    await said(reader, writer, "GET", "/healthz")
    never, asked = await connected(client.gateway.url)
    await until(lambda: len(client.gateway._runner.server.connections) == 2)
    async with asyncio.timeout(WITHIN):
        assert await client.gateway.drain(3600) == 0
    assert await reader.read() == await never.read() == b""
    writer.close()
    asked.close()


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with session.get(url) as response:
        await response.read()
        return response.status, response.headers.get("Connection", "")


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


async def said(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str
) -> tuple[str, bytes]:
    """Ask on a connection that is kept: the head and the body of the answer."""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    (length,) = [
        int(line.partition(":")[2])
        for line in head.splitlines()
        if line.lower().startswith("content-length:")
    ]
    return head, await reader.readexactly(length)


@pytest.mark.skipif(not hasattr(os, "pipe2"), reason="fills a pipe as Linux has them")
async def test_a_log_that_nobody_reads_holds_nobody_at_the_end(
    tmp_path: Path, upstream: Upstream
) -> None:
    config = tmp_path / "one.yaml"
    config.write_text(PLUGIN % upstream.url)
    nobody, full = os.pipe2(os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(full, b"x" * 4096):
            pass
    os.set_blocking(full, True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", str(config), "--port", "0", "--admin", "no"),
        *("--state", str(tmp_path / "state")),
        stdout=asyncio.subprocess.PIPE,
        stderr=full,
    )
    os.close(full)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN):
            while b"listening on" not in await process.stdout.readline():
                assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        os.close(nobody)


async def test_signals_to_reload_are_not_gathered(
    start: Start, upstream: Upstream, tmp_path: Path
) -> None:
    """What many of them ask for at once is done once, and once more."""
    asked, go = 0, asyncio.Event()

    async def host(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > 1:
            await go.wait()
        return web.json_response(document("getOne"))

    upstream.answer = host
    text = f"plugin: one\nspec: {upstream.url}/openapi.json\noperations: all\n"
    (tmp_path / "one.yaml").write_text(text)
    gateway = await start()
    for _ in range(10):
        gateway.signal(signal.SIGHUP)
        await asyncio.sleep(0.1)
    go.set()
    await until(lambda: asked >= 3)
    await asyncio.sleep(0.5)
    assert asked == 3
