"""Files that are whole or not there, and cells that are no formulas."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster import files


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    files.write(tmp_path / "a" / "b" / "clip.mp3", b"sound")
    assert (tmp_path / "a" / "b" / "clip.mp3").read_bytes() == b"sound"


def test_nothing_but_the_file_is_left(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        files.write(tmp_path / "clip.mp3", content)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_name_as_long_as_the_disk_allows_is_written(tmp_path: Path) -> None:
    files.write(tmp_path / ("x" * 255), b"sound")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.replace"])
def test_a_write_that_breaks_off_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    files.write(tmp_path / "clip.mp3", b"old")
    monkeypatch.setattr(broken, full)
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path / "clip.mp3", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        steps.append("fsync")
        fsync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        steps.append("name")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    files.write(tmp_path / "clip.mp3", b"sound")
    assert steps[:2] == ["fsync", "name"]


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp3"
    path.write_bytes(b"sound" * 100_000)
    assert files.sha256(path) == hashlib.sha256(b"sound" * 100_000).hexdigest()
    with pytest.raises(FileNotFoundError):
        files.sha256(tmp_path / "nowhere.mp3")


@given(st.text())
def test_no_cell_starts_like_a_formula_and_nothing_is_lost(text: str) -> None:
    cell = files.safe_cell(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert cell in {text, f"'{text}"}


@pytest.mark.parametrize("text", ["", "Bản tin", "1+1", " =1", "'quoted"])
def test_an_ordinary_cell_stays_as_it_is(text: str) -> None:
    assert files.safe_cell(text) == text
