"""Start a built image the way an engine does, with the locks of `examples/sidecar/pod.yaml`.

PID 1 of its own PID namespace, the image's numeric user, no capability, `no_new_privs`, the root
file system read-only; besides the mounted configs and the state there is /proc and a /dev with
five devices, and no /tmp. All containers share the network of the calling process, as a pod's do.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.container.building import Built

T = TypeVar("T")

SECONDS = 60.0  # for anything to happen
DEVICES = ("null", "zero", "full", "random", "urandom")
# Each line of it is a mount; the last one becomes PID 1 and drops what root may.
_START = """
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t tmpfs -o size=64k,mode=755 tmpfs "$ROOT/dev"
for name in $DEVICES; do touch "$ROOT/dev/$name"; mount --bind "/dev/$name" "$ROOT/dev/$name"; done
mount -t proc proc "$ROOT/proc"
mount --bind "$CONFIGS" "$ROOT/configs"
mount -o remount,bind,ro "$ROOT/configs"
if [ -n "$STATE" ]; then mount --bind "$STATE" "$ROOT/state"; fi
mount -o remount,bind,ro "$ROOT"
exec env -i $ENV chroot "$ROOT" /usr/bin/setpriv --reuid "$UID_" --regid "$GID_" --clear-groups \
  --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


@dataclass
class Container:
    """A running container. `pid` is its first process as this machine numbers it."""

    process: subprocess.Popen[bytes]
    log: Path
    built: Built
    env: Mapping[str, str]
    pid: int = field(init=False)

    def __post_init__(self) -> None:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.pid = until(lambda: int(children.read_text().split()[0]), IndexError)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def status(self, name: str) -> str:
        """A line of /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line.split(":\t", 1)[1] for line in lines if line.startswith(name + ":"))

    def health(self) -> int:
        """The exit code of the image's HEALTHCHECK, run within as the image's user."""
        user, group = self.built.stage.user.split(":")
        inside = [
            *("nsenter", "--target", str(self.pid), "--mount", "--pid"),
            *(f"--root=/proc/{self.pid}/root", "env", "-i", *pairs(self.env)),
            *("setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"),
            *self.built.stage.health,
        ]
        return subprocess.run(inside, check=False, capture_output=True).returncode  # noqa: S603 - the image's own

    def stop(self, number: int) -> tuple[int, float]:
        """Send a signal: the exit code, and seconds until it was there."""
        began = time.monotonic()
        os.kill(self.pid, number)
        return self.process.wait(SECONDS), time.monotonic() - began


def start(
    built: Built,
    *,
    configs: Path,
    log: Path,
    state: Path | None,
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    user: str = "",
) -> Container:
    """Run the image; without `state` the image's own /state is there, read-only like all else.

    `user` is a number and that of a group, by default the image's.
    """
    stage = built.stage
    user, group = (user or stage.user).split(":")
    whole = {**stage.env, **(env or {})}
    settings = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "ROOT": str(built.root),
        "CONFIGS": str(configs),
        "STATE": str(state or ""),
        "DEVICES": " ".join(DEVICES),
        "UID_": user,
        "GID_": group,
        "ENV": " ".join(pairs(whole)),
    }
    words = [*stage.entrypoint, *(command or stage.command)]
    argv = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child",
            "/bin/sh", "-c", _START, "start", *words]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(argv, env=settings, stdout=out, stderr=out)  # noqa: S603 - ours
    return Container(process, log, built, whole)


def pairs(env: Mapping[str, str]) -> list[str]:
    """As `env` takes them. No value of ours has a blank in it."""
    assert not any(set(" \t\n") & set(value) for value in env.values())
    return [f"{name}={value}" for name, value in env.items()]


def get(url: str, *, raw: bool = False) -> tuple[int, Any]:
    """Status and JSON, or bytes; status 0 where nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own address
            body = response.read()
            return response.status, body if raw else json.loads(body)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except (urllib.error.URLError, ConnectionError):
        return 0, None


def until(ask: Callable[[], T], *errors: type[Exception]) -> T:
    """Ask until the answer is true, and raises none of `errors`."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            if (answer := ask()) or time.monotonic() > end:
                assert answer, "in vain"
                return answer
        except errors:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)
