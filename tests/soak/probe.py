"""Asks a gateway how it is, as an orchestrator does: at fixed times, each on a new connection.

`python -m tests.soak.probe PORT SECONDS` prints a JSON list of milliseconds, each from when it was
to be asked; `null` where the answer was another one, or none.
"""

from __future__ import annotations

import json
import socket
import sys
import time

EVERY, PATIENCE = 0.05, 5.0


def ask(port: int) -> bool:
    """Whether it says in time that it is alive."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            text = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            connection.sendall(text)
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def main(port: int, seconds: float) -> None:
    began = time.perf_counter()
    found: list[float | None] = []
    for number in range(round(seconds / EVERY)):
        due = began + number * EVERY
        time.sleep(max(0.0, due - time.perf_counter()))
        is_alive = ask(port)
        found.append(1e3 * (time.perf_counter() - due) if is_alive else None)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
