"""`python -m tests.container` (or `make image`): build the image and run it, without an engine.

For Linux, as root, with debootstrap, util-linux, iproute2, a Debian mirror and the package
registry; takes some minutes, the first time some more. What it mounts is in a mount namespace of
its own, what it serves in a network of its own. It keeps the Debian root in
$GATEWAY_IMAGE_WORK, by default plugin-gateway-image below the directory for temporary files.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from tests.container.building import Built, build, run
from tests.container.dockerfile import stages
from tests.container.running import Container, get, start, until

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "examples" / "sidecar" / "configs"
SERVICE = ("demo", "--api", "--host", "127.0.0.1", "--port", "5000")
KEY = {"SERVICE_KEY": "demo-balldontlie-3f61c0a9"}
URL = "http://127.0.0.1:8080"
CALL = f"{URL}/players/players?query=james&limit=1"
LATE = 20.0  # seconds between the start of the gateway and that of its service
TOOLS = ("debootstrap", "unshare", "setpriv", "nsenter", "ip")
# What a process that may not write says of it.
DENIED = ("Read-only file system", "Permission denied", "Operation not permitted", "Traceback")


@dataclass(frozen=True)
class Bench:
    """The image, and a folder for what one check writes."""

    built: Built
    folder: Path

    @contextmanager
    def container(self, name: str, **settings: object) -> Iterator[Container]:
        """A running container, killed in the end if it is still there."""
        given = {"configs": CONFIGS, "state": None, "log": self.folder / f"{name}.log", **settings}
        one = start(self.built, **given)  # type: ignore[arg-type]
        try:
            yield one
        except BaseException:
            click.echo(one.said)
            raise
        finally:
            if one.process.poll() is None:
                one.stop(signal.SIGKILL)

    def state(self) -> Path:
        """A directory as an engine makes it of the image's /state: its owner and mode are kept."""
        made, model = self.folder / "state", (self.built.root / "state").stat()
        made.mkdir()
        os.chown(made, model.st_uid, model.st_gid)
        made.chmod(model.st_mode & 0o7777)
        return made


def the_gateway_is_ready_soon_after_its_service(bench: Bench) -> None:
    """And locked in, and without a restart."""
    state, before = bench.state(), files(bench.built.added)
    with bench.container("gateway", state=state, env=KEY) as gateway:
        began = time.monotonic()
        until(lambda: get(f"{URL}/healthz")[0] == 200)
        click.echo(f"    alive after {time.monotonic() - began:.1f} s")
        assert gateway.status("NSpid").split()[1] == "1"
        assert set(gateway.status("Uid").split()) == {"10001"}
        assert set(gateway.status("Gid").split()) == {"10001"}
        assert gateway.status("CapBnd").strip("0") == gateway.status("CapEff").strip("0") == ""
        assert gateway.status("NoNewPrivs") == "1"
        assert get(f"{URL}/readyz") == (503, {"players": False})
        status, body = get(CALL)
        assert (status, body["code"], body["retry_after"]) == (503, "plugin_not_ready", 5), body
        click.echo(f"    meanwhile: {body['detail']}")
        assert gateway.health() == 0, "alive, though it is not ready"
        assert "cannot be reached" in gateway.said
        time.sleep(max(0.0, began + LATE - time.monotonic()))
        with bench.container("service", command=SERVICE) as service:
            until(lambda: get("http://127.0.0.1:5000/openapi.yaml", raw=True)[0] == 200)
            came = time.monotonic()
            until(lambda: get(f"{URL}/readyz") == (200, {"players": True}))
            waited = time.monotonic() - came
            click.echo(
                f"    ready {waited:.1f} s after its service, which came after {came - began:.0f}"
            )
            assert waited <= (came - began) / 4
            manifest = get(f"{URL}/players/.well-known/ai-plugin.json")[1]
            assert manifest["name_for_model"] == "players"
            assert get(CALL)[1]["data"][0]["last_name"]
            click.echo(f"    {rss(gateway)} MB resident")
            assert service.stop(signal.SIGTERM)[0] == 0
        assert get(f"{URL}/readyz")[0] == 200, "what was loaded goes on"
        status, body = get(f"{CALL}0")  # not in the cache
        assert (status, body["code"]) == (502, "upstream_failed"), body
        code, seconds = gateway.stop(signal.SIGTERM)
        click.echo(f"    SIGTERM: left with {code} after {seconds:.1f} s")
        assert code == 0
        assert seconds < 5
        assert files(state), "the spec is kept"
        assert files(bench.built.added) == before, "nothing is written elsewhere"
        assert not [word for word in DENIED if word in gateway.said], gateway.said


def without_a_state_that_it_may_write_it_warns_and_serves(bench: Bench) -> None:
    with (
        bench.container("service", command=SERVICE),
        bench.container("gateway", env=KEY) as gateway,
    ):
        until(lambda: get(f"{URL}/readyz")[0] == 200)
        assert get(CALL)[0] == 200
        assert gateway.said.count("the spec is not kept for the next start") == 1
        click.echo(f"    {next(one for one in gateway.said.splitlines() if 'not kept' in one)}")
        assert gateway.stop(signal.SIGTERM)[0] == 0


def the_health_check_fails_where_there_is_no_gateway(bench: Bench) -> None:
    with bench.container("service", command=SERVICE) as service:
        until(lambda: get("http://127.0.0.1:5000/openapi.yaml", raw=True)[0] == 200)
        assert service.health() == 1


def it_starts_from_what_it_kept_without_the_service(bench: Bench) -> None:
    state = bench.state()
    with (
        bench.container("service", command=SERVICE),
        bench.container("first", state=state, env=KEY) as first,
    ):
        until(lambda: get(f"{URL}/readyz")[0] == 200)
        assert first.stop(signal.SIGTERM)[0] == 0
    with bench.container("second", state=state, env=KEY) as second:
        until(lambda: get(f"{URL}/readyz")[0] == 200)
        assert "the copy of" in second.said


def any_user_will_do(bench: Bench) -> None:
    """As platforms have it that choose the user themselves, in group 0."""
    state = bench.state()
    with (
        bench.container("service", command=SERVICE),
        bench.container("gateway", state=state, env=KEY, user="1000670000:0") as gateway,
    ):
        until(lambda: get(f"{URL}/readyz")[0] == 200)
        assert files(state)
        assert not [word for word in DENIED if word in gateway.said], gateway.said


def a_config_map_is_read(bench: Bench) -> None:
    """A volume of Kubernetes: links to a folder with a date for its name, which is a link, too."""
    mounted = bench.folder / "configs"
    dated = mounted / "..2026_01_01_00_00_00.1"
    shutil.copytree(CONFIGS, dated)
    (mounted / "..data").symlink_to(dated.name)
    for file in CONFIGS.iterdir():
        (mounted / file.name).symlink_to(f"..data/{file.name}")
    with (
        bench.container("service", command=SERVICE),
        bench.container("gateway", configs=mounted, env=KEY),
    ):
        until(lambda: get(f"{URL}/readyz") == (200, {"players": True}))


def it_hears_sigterm_before_it_serves(bench: Bench) -> None:
    """PID 1 is not told of a signal for which it has no handler yet."""
    with bench.container("gateway", env=KEY) as gateway:
        asked = int(signal.SIGTERM)
        until(lambda: int(gateway.status("SigCgt"), 16) >> (asked - 1) & 1)
        code, _ = gateway.stop(signal.SIGTERM)
        assert (code, gateway.said) == (128 + asked, "")


def mistakes_are_shown_and_leave_with_2(bench: Bench) -> None:
    empty = bench.folder / "configs"
    empty.mkdir()
    for name, settings, said in (
        ("unset", {}, "SERVICE_KEY"),
        ("empty", {"configs": empty}, "/configs"),
        ("link", {"env": {**KEY, "GATEWAY_PORT": "tcp://10.0.0.1:80"}}, "GATEWAY_PORT"),
    ):
        with bench.container(name, **settings) as gateway:  # type: ignore[arg-type]
            assert gateway.process.wait(60) == 2
            assert said in gateway.said
            click.echo(f"    {gateway.said.splitlines()[-1]}")


CHECKS = (
    the_gateway_is_ready_soon_after_its_service,
    without_a_state_that_it_may_write_it_warns_and_serves,
    the_health_check_fails_where_there_is_no_gateway,
    it_starts_from_what_it_kept_without_the_service,
    any_user_will_do,
    a_config_map_is_read,
    it_hears_sigterm_before_it_serves,
    mistakes_are_shown_and_leave_with_2,
)


def files(folder: Path) -> Mapping[Path, tuple[int, int]]:
    """Every file below a folder, by size and time."""
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return {path: (seen.st_size, seen.st_mtime_ns) for path, seen in found}


def megabytes(folder: Path) -> float:
    """What the files of a folder take."""
    return sum(seen[0] for path, seen in files(folder).items() if path.is_file()) / 1e6


def rss(container: Container) -> int:
    """Resident memory in MB."""
    return int(container.status("VmRSS").split()[0]) // 1000


def main(phase: str = "") -> None:
    """Enter a mount namespace and build there, then a network and check there."""
    work = Path(tempfile.gettempdir()) / "plugin-gateway-image"
    work = Path(os.environ.get("GATEWAY_IMAGE_WORK", work))
    again = [sys.executable, "-m", "tests.container"]
    if not phase:
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing or os.geteuid():
            sys.exit(f"run it as root, with {', '.join(missing or TOOLS)} at hand")
        work.mkdir(parents=True, exist_ok=True)
        os.execvp("unshare", ["unshare", "--mount", *again, "build"])  # noqa: S606, S607
    if phase == "build":
        build(ROOT, work)
        os.execvp("unshare", ["unshare", "--net", *again, "check"])  # noqa: S606, S607
    built = _built(work)
    click.echo(f"\nthe image adds {megabytes(built.added):.0f} MB to its base")
    run("ip", "link", "set", "lo", "up")
    for check in CHECKS:
        with tempfile.TemporaryDirectory(dir=work, prefix="run") as folder:
            Path(folder).chmod(0o755)
            click.echo(check.__name__.replace("_", " "))
            check(Bench(built, Path(folder)))
    click.echo("all is well")


def _built(work: Path) -> Built:
    found = stages((ROOT / "Dockerfile").read_text())
    at = work / f"stage{len(found) - 1}"
    return Built(found[-1], at / "root", at / "added")


if __name__ == "__main__":
    main(*sys.argv[1:])
