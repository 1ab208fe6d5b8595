"""Files that change are noticed, however they change; a real gateway, real files, no signals."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from gateway import reloading, watching
from gateway.watching import Watched, stamps, watch
from tests.conftest import Upstream
from tests.reload.conftest import Folder, plugin, until


async def _says(folder: Folder, text: str) -> None:
    """Wait until the plugin's document says something."""

    async def holds() -> bool:
        return text.encode() in (await folder.get("/a/openapi.json")).body

    await until(holds)


async def test_a_config_that_is_written_is_served(folder: Folder, upstream: Upstream) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    await folder.serve(watch=True)
    folder.write("a.yaml", plugin("a", upstream.url, description="By a new file."))
    await _says(folder, "By a new file.")
    file = folder.path / "a.yaml"
    file.write_text(plugin("a", upstream.url, description="In place."))
    await _says(folder, "In place.")


async def test_files_that_come_and_go_are_noticed(folder: Folder, upstream: Upstream) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve(watch=True)
    file = folder.write("b.yaml", plugin("b", upstream.url))
    await until(lambda: [site.name for site in gateway.door.sites] == ["a", "b"])
    file.unlink()
    await until(lambda: [site.name for site in gateway.door.sites] == ["a"])


async def test_what_kubernetes_does_to_a_volume_is_noticed(
    folder: Folder, upstream: Upstream
) -> None:
    """A ConfigMap's files are links through `..data`, which is turned to a new folder at once."""

    def version(name: str, text: str) -> None:
        new = folder.path / name
        new.mkdir()
        (new / "a.yaml").write_text(text)
        link = folder.path / "..data_tmp"
        link.symlink_to(name)
        link.replace(folder.path / "..data")

    version("..2026_01", plugin("a", upstream.url))
    (folder.path / "a.yaml").symlink_to("..data/a.yaml")
    await folder.serve(watch=True)
    version("..2026_02", plugin("a", upstream.url, description="The second."))
    await _says(folder, "The second.")
    version("..2026_03", plugin("a", upstream.url, description="The third."))
    await _says(folder, "The third.")


async def test_a_secret_that_is_turned_is_used(folder: Folder, upstream: Upstream) -> None:
    elsewhere = folder.path.parent / "secrets"
    elsewhere.mkdir()
    key = elsewhere / "key"
    key.write_text("first-key\n")
    text = plugin("a", upstream.url).replace(
        "upstream: {", f'upstream: {{credential: {{bearer: "${{file:{key}}}"}}, '
    )
    folder.write("a.yaml", text)
    await folder.serve(watch=True)
    key.write_text("second-key\n")

    async def turned() -> bool:
        await folder.get("/a/items/1")
        return upstream.last.headers["Authorization"] == "Bearer second-key"

    await until(turned)


async def test_a_secret_that_was_missing_mends_what_was_refused(
    folder: Folder, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a file with a mistake it is known what it waits for; the mistake is told once."""
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve(watch=True)
    elsewhere = folder.path.parent / "secrets"
    elsewhere.mkdir()
    key = elsewhere / "key"
    secret = f'upstream: {{credential: {{bearer: "${{file:{key}}}"}}, '
    folder.write("a.yaml", plugin("a", upstream.url).replace("upstream: {", secret))
    await until(lambda: bool(gateway.readiness()["a"]["mistakes"]))
    await until(lambda: key in gateway._plugins.files())
    (told,) = gateway.readiness()["a"]["mistakes"]
    await asyncio.sleep(2 * reloading.MOMENT)  # since other files are watched, it reads once more
    assert caplog.messages.count(told) == 1
    key.write_text("a-key\n")
    await until(lambda: not gateway.readiness()["a"]["mistakes"])
    await folder.get("/a/items/1")
    assert upstream.last.headers["Authorization"] == "Bearer a-key"


async def test_a_file_that_is_half_written_makes_no_noise(
    folder: Folder, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve(watch=True)
    text = plugin("a", upstream.url, description="Whole.")
    caplog.set_level(logging.INFO, "gateway")
    with (folder.path / "a.yaml").open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        await asyncio.sleep(watching.QUIET / 1000 + 0.05)  # it is looked at in this state
        file.write(text[len(text) // 2 :])
    await _says(folder, "Whole.")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert gateway.readiness()["a"]["mistakes"] == []


async def test_mistakes_are_told_once_and_others_anew(
    folder: Folder, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve(watch=True)
    folder.write("a.yaml", "plugin: a\ncolour: red\n")
    await until(lambda: "colour" in str(gateway.readiness()))
    folder.write("a.yaml", "plugin: a\nflavour: sweet\n")
    await until(lambda: "flavour" in str(gateway.readiness()))
    told = [one.getMessage() for one in caplog.records if "colour" in one.getMessage()]
    assert len(told) == 1


# --- the watcher alone ------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _watching(watched: Callable[[], Watched]) -> AsyncIterator[list[int]]:
    """Count the calls."""
    calls: list[int] = []

    async def changed() -> None:
        calls.append(len(calls))

    task = asyncio.create_task(watch(watched, changed))
    try:
        await until(lambda: bool(calls))
        yield calls
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_where_nothing_is_told_it_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on network drives: here the folders that are watched are others."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(watching, "LOOK", 0.05)
    monkeypatch.setattr(watching, "_folders", lambda _: [other])
    file = tmp_path / "a.yaml"
    async with _watching(lambda: Watched(frozenset({file}))) as calls:
        file.write_text("a")
        await until(lambda: len(calls) == 2)


async def test_where_no_more_can_be_watched_it_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.05)
    before = _open_files()
    async with aclosing(watching._hints([tmp_path])) as hints:
        await anext(hints)  # all that it imports is there
    # A thread of its own closes what it had: given back later, that is enough for the next one.
    await until(lambda: _open_files() <= before)
    async with aclosing(watching._hints([tmp_path])) as hints:
        with _no_more_files():
            await anext(hints)
        await anext(hints)
    assert "cannot be watched" in caplog.text


def _open_files() -> int:
    gc.collect()
    return len(list(Path("/dev/fd").iterdir()))


@contextlib.contextmanager
def _no_more_files() -> Iterator[None]:
    """This process can open no more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        most = os.dup(0)
        taken.append(most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most + 20, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for one in taken:
            os.close(one)


async def test_it_goes_on_after_what_nobody_has_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.05)
    asked: list[int] = []

    def watched() -> Watched:
        asked.append(len(asked))
        if len(asked) == 1:
            raise PermissionError("a folder was closed")
        return Watched(frozenset({tmp_path / "a"}))

    async with _watching(watched) as calls:
        assert calls
    assert "a folder was closed" in caplog.text


async def test_what_changes_beside_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    async with _watching(lambda: Watched(frozenset({file}))) as calls:
        for number in range(3):
            (tmp_path / f"other{number}").write_text("b")
        file.touch()
        await until(lambda: len(calls) == 2)


async def test_files_that_are_named_while_it_watches_are_watched(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "a", tmp_path / "two" / "b"
    one.parent.mkdir()
    two.parent.mkdir()
    files = {one}
    async with _watching(lambda: Watched(frozenset(files))) as calls:
        files.add(two)
        one.write_text("a")
        await until(lambda: len(calls) >= 3)  # and once more, since `two` may have changed before
        seen = len(calls)
        two.write_text("b")
        await until(lambda: len(calls) > seen)


def test_all_folders_are_watched_in_which_a_link_may_be_turned(tmp_path: Path) -> None:
    """The name, `..data`, and the file that they lead to stand in three."""
    names, volume, version = tmp_path / "names", tmp_path / "volume", tmp_path / "volume" / "..1"
    names.mkdir()
    version.mkdir(parents=True)
    (version / "spec.yaml").write_text("a")
    (volume / "..data").symlink_to("..1")
    (names / "spec.yaml").symlink_to("../volume/..data/spec.yaml")
    watched = Watched(frozenset({names / "spec.yaml"}))
    assert {names, volume, version} <= set(watching._folders(watched))


def test_links_in_a_circle_and_folders_that_are_gone_are_a_state_like_any_other(
    tmp_path: Path,
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    watched = Watched(frozenset({loop, tmp_path / "gone"}), frozenset({tmp_path / "nowhere"}))
    assert stamps(watched) == stamps(watched)
    assert watching._folders(watched) == [tmp_path]


def test_a_moment_is_given_to_who_writes() -> None:
    assert reloading.MOMENT * 1000 > watching.QUIET


def test_permissions_that_are_mended_are_a_change(tmp_path: Path) -> None:
    """Neither times nor sizes tell of it; nor of a file that was written and its time set back."""
    file = tmp_path / "a.yaml"
    file.write_text("a")
    watched = Watched(frozenset({file}))
    file.chmod(0)
    before = stamps(watched)
    file.chmod(0o600)
    now = stamps(watched)
    assert before != now
    times = file.stat()
    file.write_text("b")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert stamps(watched) != now
