"""Ports, sockets in the file system, certificates; and what is said where they cannot be used."""

from __future__ import annotations

import asyncio
import datetime
import errno
import signal
import socket
import ssl
import stat
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import listening
from gateway.cli import main
from gateway.health import ill
from gateway.listening import Tls, TlsError, close, held, tcp, unix
from tests.conftest import Upstream
from tests.workers.conftest import PLUGIN, Gate, Start, until

# --- sockets ----------------------------------------------------------------------------------


def test_every_address_of_a_host_has_the_same_port() -> None:
    sockets = tcp("localhost", 0)
    assert len({one.getsockname()[1] for one in sockets}) == 1
    close(sockets)


def test_a_held_port_is_shared_with_those_alone_who_share_it() -> None:
    mine = held("127.0.0.1", 0)
    port = mine[0].getsockname()[1]
    worker = tcp("127.0.0.1", port, shared=True)
    worker[0].listen()
    for take in (lambda: tcp("127.0.0.1", port), lambda: held("127.0.0.1", port)):
        with pytest.raises(OSError, match="in use") as caught:
            take()
        assert caught.value.errno == errno.EADDRINUSE
    close([*mine, *worker])
    close(tcp("127.0.0.1", port))


def test_a_held_port_is_taken_before_anybody_listens() -> None:
    mine = held("127.0.0.1", 0)
    port = mine[0].getsockname()[1]
    for take in (lambda: tcp("127.0.0.1", port), lambda: held("127.0.0.1", port)):
        with pytest.raises(OSError, match="in use"):
            close(take())
    close(mine)


def test_a_port_can_be_held_while_connections_of_another_process_end() -> None:
    alone = tcp("127.0.0.1", 0)
    port = alone[0].getsockname()[1]
    alone[0].listen()
    with socket.create_connection(("127.0.0.1", port)):
        taken, _ = alone[0].accept()
        taken.close()  # the first to close has to wait (TIME_WAIT)
    close(alone)
    close(held("127.0.0.1", port))


async def test_a_port_that_another_process_listens_on_by_then_is_told(
    start: Start, upstream: Upstream, tmp_path: Path
) -> None:
    """Both may bind it while neither listens, and the event loop tells nothing."""
    came, go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.BaseRequest) -> web.StreamResponse:
        came.set()
        await go.wait()
        return web.json_response({})

    upstream.answer = slow
    text = f"plugin: one\nspec: {upstream.url}/openapi.json\noperations: [getIt]\n"
    (tmp_path / "one.yaml").write_text(text)
    other = tcp("127.0.0.1", 0)
    port = other[0].getsockname()[1]
    gateway = await start("--port", port, waits=False)
    await came.wait()
    other[0].listen()
    assert await gateway.ended() == 1
    close(other)
    go.set()
    assert gateway.process.stdout is not None
    said = (await gateway.process.stdout.read()).decode()
    assert f"port {port} of 127.0.0.1 is in use" in said
    assert "listening" not in said


def test_a_socket_is_for_user_and_group_and_its_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "s"
    one = unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    one.close()
    assert not path.exists()


def test_a_socket_that_nobody_listens_on_is_replaced_and_no_other_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    old = unix(path)
    with pytest.raises(OSError, match="in use"):
        unix(path)
    old.socket.close()
    new = unix(path)
    old.remove()
    assert path.exists()  # it is another one's by now
    new.close()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    result = serve(tmp_path, "--unix", path)
    assert result.exit_code == 1
    assert f"cannot listen on {path}: there is something else than a socket" in result.stderr
    assert path.read_text() == "mine"
    result = serve(tmp_path, "--unix", tmp_path / ("long" * 40))
    assert "too long" in result.stderr
    result = serve(tmp_path, "--unix", tmp_path / "nowhere" / "s")
    assert "No such file or directory" in result.stderr


async def test_a_gateway_at_a_unix_socket(start: Start, gate: Gate, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    gateway = await start("--unix", path, "--trusted-proxy", "127.0.0.1")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        # Who connects is of this machine: as a proxy it is trusted like any other one.
        forwarded = {"X-Forwarded-Host": "one.example", "X-Forwarded-Proto": "https"}
        async with session.get("http://localhost/one/openapi.yaml", headers=forwarded) as got:
            assert "https://one.example/one" in await got.text()
        async with session.get("http://localhost/one/it") as got:
            assert got.status == 200
    env = {"GATEWAY_UNIX": str(path)}
    assert await asyncio.to_thread(ill, env) == ""
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert not path.exists()
    assert await asyncio.to_thread(ill, env)


# --- TLS --------------------------------------------------------------------------------------


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, its issuer itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    pem = serialization.Encoding.PEM
    paths[0].write_bytes(certificate.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return paths


def shown(port: int) -> str:
    """The name in the certificate that is shown at a port."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return str(x509.load_der_x509_certificate(der).subject.rfc4514_string())


async def test_https_with_a_certificate_that_is_renewed(
    start: Start, gate: Gate, tmp_path: Path
) -> None:
    certificate, key = certify(tmp_path, "first")
    gateway = await start("--tls-cert", certificate, "--tls-key", key)
    assert gateway.url.startswith("https://127.0.0.1:")
    port = int(gateway.url.rpartition(":")[2])
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with aiohttp.ClientSession() as session:
        url = f"https://localhost:{port}/one"
        async with session.get(f"{url}/openapi.yaml", ssl=trusting) as got:
            assert f"https://localhost:{port}/one" in await got.text()
        async with session.get(f"{url}/it", ssl=trusting) as got:
            assert got.status == 200
    assert await asyncio.to_thread(shown, port) == "CN=first"
    env = {"GATEWAY_PORT": str(port), "GATEWAY_TLS_CERT": str(certificate)}
    assert await asyncio.to_thread(ill, env) == ""

    certificate.write_text("half written")
    gateway.signal(signal.SIGHUP)
    await until(lambda: "the certificate before is kept" in gateway.said)
    assert await asyncio.to_thread(shown, port) == "CN=first"
    certify(tmp_path, "second")
    gateway.signal(signal.SIGHUP)
    await until(lambda: "the certificate was read anew" in gateway.said)
    assert await asyncio.to_thread(shown, port) == "CN=second"


def test_a_certificate_and_a_key_that_do_not_go_together(tmp_path: Path) -> None:
    certificate, key = certify(tmp_path, "one")
    (tmp_path / "other").mkdir()
    _, other = certify(tmp_path / "other", "two")
    with pytest.raises(TlsError, match=r"other/key\.pem is not that of the certificate"):
        Tls(certificate, other)
    tls = Tls(certificate, key)
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert not tls.renew()
    key.write_bytes(other.read_bytes())
    with pytest.raises(TlsError):
        tls.renew()
    certificate.write_bytes((tmp_path / "other" / "cert.pem").read_bytes())
    assert tls.renew()


def test_a_certificate_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certify(tmp_path, "one")
    tls = Tls(certificate, key)
    check = listening._context
    good = certify(tmp_path, "two")[1].read_bytes()

    def checked(*paths: Path) -> ssl.SSLContext:
        context = check(*paths)
        key.write_text("half written")
        return context

    monkeypatch.setattr(listening, "_context", checked)
    with pytest.raises(TlsError):
        tls.renew()
    monkeypatch.setattr(listening, "_context", check)
    key.write_bytes(good)
    assert tls.renew()


def test_a_locked_key_is_told_and_not_asked_about(tmp_path: Path) -> None:
    certificate, key = certify(tmp_path, "one")
    opened = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"hunter2")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(opened.private_bytes(pem, form, locked))
    result = serve(tmp_path, "--tls-cert", certificate, "--tls-key", key)
    assert result.exit_code == 2
    assert "without a password" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tls-cert", "c"], "--tls-cert and --tls-key go together"),
        (["--tls-key", "k"], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "c", "--tls-key", "k"], "c cannot be read"),
        (["--tls-cert", "c", "--tls-key", "k", "--unix", "s"], "--unix: nobody listens in"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, words: list[str], said: str) -> None:
    result = serve(tmp_path, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_admin_port_that_is_taken_is_a_mistake_where_it_was_asked_for(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = serve(tmp_path, "--admin", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is in use; choose another with --admin" in result.stderr


def serve(folder: Path, *words: object):  # type: ignore[no-untyped-def]
    config = folder / "one.yaml"
    config.write_text(PLUGIN % "http://127.0.0.1:1")
    return CliRunner().invoke(
        main,
        ["serve", str(config), "--state", str(folder / "state"), "--port", "0", *map(str, words)],
    )
