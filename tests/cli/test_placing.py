"""Files are written all or none, whatever fails between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.cli.placing import InTheWay, place, text_of


class Files(Mapping[Path, bytes]):
    """Files to write; before the last one is, something happens, as by another process."""

    def __init__(self, files: Mapping[Path, bytes], meanwhile: object) -> None:
        self._files, self._meanwhile = files, meanwhile

    def __getitem__(self, path: Path) -> bytes:
        if path == [*self._files][-1] and callable(self._meanwhile):
            self._meanwhile()
        return self._files[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def there(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text() if path.is_file() else ""
        for path in root.rglob("*")
    }


def test_what_comes_meanwhile_is_not_replaced_and_all_is_undone(tmp_path: Path) -> None:
    last = tmp_path / "z"
    files = {tmp_path / "new" / "deep" / "a": b"a", tmp_path / "b": b"b", last: b"z"}
    with pytest.raises(InTheWay) as found:
        place(Files(files, lambda: last.write_text("theirs")), force=False)
    assert (found.value.paths, found.value.never) == ((last,), False)
    assert there(tmp_path) == {"z": "theirs"}


def test_what_was_replaced_is_put_back_where_a_later_one_fails(tmp_path: Path) -> None:
    old, link, last = tmp_path / "old", tmp_path / "link", tmp_path / "z"
    old.write_text("mine")
    link.symlink_to("old")
    last.write_text("theirs")

    def gone() -> None:
        last.unlink()
        last.mkdir()

    with pytest.raises(OSError):  # noqa: PT011
        place(Files({old: b"a", link: b"b", last: b"z"}, gone), force=True)
    assert there(tmp_path) == {"old": "mine", "link": "mine", "z": ""}
    assert link.readlink() == Path("old")


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place(Files({tmp_path / "d" / "a": b"a", tmp_path / "b": b"b"}, interrupt), force=True)
    assert there(tmp_path) == {}


def test_all_are_written_as_files_of_this_user_are(tmp_path: Path) -> None:
    plain, new, old = tmp_path / "plain", tmp_path / "d" / "new", tmp_path / "old"
    plain.write_text("")
    old.write_text("mine")
    place({new: b"n", old: b"o"}, force=True)
    assert (text_of(new), text_of(old)) == (b"n", b"o")
    assert {one.stat().st_mode for one in (new, old)} == {plain.stat().st_mode}
    assert text_of(tmp_path / "d") is None
