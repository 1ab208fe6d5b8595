"""What is listened on: TCP ports, alone or together with other processes, a unix socket, TLS; and
how listening ends: calls in flight are finished, and no call that was taken is lost.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from gateway.connections import Server

# Connections that the kernel holds until they are accepted: what Redis and nginx ask for, or twice.
BACKLOG = 1024
# Who may use a unix socket: the user and the group, as of most servers that have one.
_OTHERS = 0o117
# Listening goes on so long when it ends, for connections that are just being made.
_LAST_ARRIVALS = 0.05
# After it, an idle connection is closed only when it was silent for so long: whoever keeps it busy
# is told by its next answer, and loses nothing.
_SILENCE = 1.0
_LOOK = 0.02  # seconds between two looks at who is still there


class TlsError(Exception):
    """A certificate or a key that cannot be used; the text says which and why."""


# --- sockets ----------------------------------------------------------------------------------


def can_share() -> bool:
    """Whether several processes can listen on one port here."""
    return hasattr(socket, "SO_REUSEPORT")


def tcp(host: str, port: int, *, shared: bool = False, alone: bool = False) -> list[socket.socket]:
    """A socket for each address of a host, bound to one port of them all; 0 takes a free one.

    `shared` lets other processes of this user bind the same port, if they share it as well.
    `alone` lets no others, also while nobody listens.

    Raises:
        OSError: there is no such address, or somebody else has the port.
    """
    found: list[socket.socket] = []
    failed: OSError | None = None
    infos = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(infos):
        # Where it is free to choose: the port that the first address was given.
        chosen = port or (port_of(found) if found else 0)
        where = (address[0], chosen, *address[2:])
        try:
            found.append(_bound(family, kind, protocol, where, shared=shared, alone=alone))
        except OSError as error:
            failed = error
            # `localhost` may have an address of a family that the machine has not.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                close(found)
                raise
    if not found:
        raise failed or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return found


def _bound(
    family: int,
    kind: int,
    protocol: int,
    address: tuple[object, ...],
    *,
    shared: bool,
    alone: bool,
) -> socket.socket:
    one = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix" and not alone:  # elsewhere it would let anybody take the port as well
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except BaseException:
        one.close()
        raise
    return one


def held(host: str, port: int) -> list[socket.socket]:
    """Sockets that hold a port for processes which are to share it, and listen to nothing.

    A port that somebody listens on or holds is taken, also where that is another gateway of this
    user, which would share it.

    Raises:
        OSError: as of `tcp`.
    """
    if port:
        close(tcp(host, port))
    try:
        # So nobody but workers can bind it, before one of them listens as well.
        return tcp(host, port, shared=True, alone=True)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        # Connections of a process before that shared it with nobody are not quite gone yet.
        return tcp(host, port, shared=True)


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A socket in the file system, bound; what it left there is removed with it."""

    socket: socket.socket
    path: Path
    _file: tuple[int, ...]

    def remove(self) -> None:
        """Remove the file, unless another one has taken its place."""
        try:
            if _file_of(self.path) == self._file:
                self.path.unlink()
        except OSError:
            pass  # it is gone, or the directory is read-only by now

    def close(self) -> None:
        """Close the socket and remove its file."""
        self.remove()
        self.socket.close()


def unix(path: Path) -> UnixSocket:
    """A socket at a path, for the user and the group; one that nobody listens on is replaced.

    Raises:
        OSError: somebody listens there, something else is there, or it cannot be made.
    """
    _clear(path)
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_OTHERS)  # from the first moment on
    try:
        one.bind(str(path))
        one.listen(BACKLOG)  # at once: what nobody listens on is replaced by whoever comes next
        return UnixSocket(one, path, _file_of(path))
    except OSError as error:
        one.close()
        if error.errno is None:  # of Python: it does not fit the kernel's structure
            raise OSError(errno.ENAMETOOLONG, "the path of a socket is too long") from None
        raise
    finally:
        os.umask(before)


def _clear(path: Path) -> None:
    """Remove the socket of a process that has ended without it."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "there is something else than a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:  # its queue is full
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _file_of(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    return found.st_dev, found.st_ino, found.st_mtime_ns  # numbers of files are used again


def port_of(sockets: Sequence[socket.socket]) -> int:
    """The port that sockets are bound to; 0 where they are none of the internet."""
    name = sockets[0].getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def close(sockets: Sequence[socket.socket]) -> None:
    """Close them all."""
    for one in sockets:
        one.close()


# --- TLS --------------------------------------------------------------------------------------


class Tls:
    """What connections are encrypted with. New files count for new connections."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read them. Raises: TlsError."""
        self._certificate, self._key = certificate, key
        self._seen: tuple[object, ...] = self._stamp()
        self.context = _context(certificate, key)

    def renew(self) -> bool:
        """Read the files again if they have changed; what cannot be used is left.

        Returns:
            Whether there are new ones.

        Raises:
            TlsError: they cannot be used; they are tried again when they change again.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        _context(self._certificate, self._key)  # a context that is in use is not to be half changed
        try:
            self.context.load_cert_chain(self._certificate, self._key, _no_password)
        except (ssl.SSLError, OSError) as error:  # they have changed meanwhile
            self._seen = ()
            raise TlsError(f"{self._certificate} and {self._key}: {error}") from None
        return True

    def _stamp(self) -> tuple[object, ...]:
        """What differs when a file was replaced or written, behind links as well."""
        found: list[object] = []
        for path in (self._certificate, self._key):
            try:
                seen = path.stat()
            except OSError:
                found.append(None)
            else:
                # The last one changes with the permissions, too.
                times = seen.st_mtime_ns, seen.st_ctime_ns
                found.append((seen.st_dev, seen.st_ino, seen.st_size, *times))
        return tuple(found)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise TlsError(f"{path} cannot be read: {error.strerror}") from None
    try:
        context.load_cert_chain(certificate, key, _no_password)
    except (ssl.SSLError, OSError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise TlsError(f"the key {key} is not that of the certificate {certificate}") from None
        raise TlsError(
            f"{certificate} and {key} are no certificate chain and its key without a password, "
            "both in PEM"
        ) from None
    return context


def _no_password() -> str:
    """For a key that is locked: OpenSSL would ask at the terminal."""
    return ""


# --- the end ----------------------------------------------------------------------------------


async def drain(
    runner: web.ServerRunner,
    sockets: Sequence[socket.socket],
    tls: ssl.SSLContext | None,
    within: float,
) -> int:
    """Stop listening and let calls in flight end; answers tell callers to connect elsewhere.

    Args:
        runner: What listens, with a server of `connections`.
        sockets: Where it listens.
        tls: What connections are encrypted with.
        within: Seconds for all of it.

    Returns:
        How many calls were not finished by then.
    """
    server = runner.server
    if not isinstance(server, Server):
        return 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    server.leave()
    # The loop closes its sockets when it gets to it, and what came meanwhile would be lost with
    # them: these keep the queues open.
    queues: list[socket.socket] = []
    with suppress(OSError):  # as many files are open as may be
        queues += (one.dup() for one in sockets)
    for site in list(runner.sites):
        await site.stop()
    await asyncio.sleep(min(_LAST_ARRIVALS, within))
    last = [one for queue in queues for one in _last_of(queue)]
    made = [loop.connect_accepted_socket(server, one, ssl=tls) for one in last]
    making = asyncio.gather(*made, return_exceptions=True)
    while (server.connections or not making.done()) and loop.time() < began + within:
        if loop.time() >= began + _SILENCE:
            server.close_idle()
        await asyncio.sleep(_LOOK)
    making.cancel()
    return server.cut()


def _last_of(queue: socket.socket) -> list[socket.socket]:
    """The connections that nobody has accepted, of a socket that is closed then."""
    found: list[socket.socket] = []
    with queue:
        queue.setblocking(False)
        while True:
            try:
                one, _ = queue.accept()
            except OSError:  # there are no more
                return found
            one.setblocking(False)
            found.append(one)
