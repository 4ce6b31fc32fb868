"""Keys on the disk: for their owner alone, whole whatever happens, and rotated with nothing refused."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from filelock import FileLock

from broadcaster import files
from broadcaster.errors import InputError
from broadcaster.orders import keyfolder
from broadcaster.orders.keydocument import pin
from broadcaster.orders.keyfolder import KeyFolderError, KeyRing
from broadcaster.orders.keys import Purpose

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

only_where_modes_are = pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes.")


def made(folder: Path, now: datetime = NOW) -> KeyRing:
    ring = keyfolder.make(folder, "kep", now)
    assert ring is not None
    return ring


def ids(ring: KeyRing) -> set[str]:
    return {key.id for key in ring.document.keys}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_commune_gets_a_key_for_orders_and_one_for_stops(tmp_path: Path) -> None:
    ring = made(tmp_path)
    assert [key.purpose for key in ring.document.keys] == [Purpose.ORDER, Purpose.STOP]
    assert keyfolder.load(tmp_path, "kep").document == ring.document
    assert pin(keyfolder.document(tmp_path, "kep")) == ring.document
    assert keyfolder.communes(tmp_path) == ["kep"]


def test_keys_that_are_there_are_never_made_again(tmp_path: Path) -> None:
    ring = made(tmp_path)
    assert keyfolder.make(tmp_path, "kep", NOW + DAY) is None
    assert keyfolder.load(tmp_path, "kep").document == ring.document


@only_where_modes_are
def test_private_keys_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keyfolder.make(tmp_path / "keys", "kep", NOW)
    finally:
        os.umask(before)
    assert mode(tmp_path / "keys") == mode(tmp_path / "keys" / "kep") == 0o700
    pems = list((tmp_path / "keys" / "kep").glob("*.pem"))
    assert [mode(path) for path in pems] == [0o600, 0o600]


@only_where_modes_are
@pytest.mark.parametrize("readers", [0o640, 0o604, 0o620, 0o601])
def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path, readers: int) -> None:
    made(tmp_path)
    next((tmp_path / "kep").glob("*.pem")).chmod(readers)
    with pytest.raises(KeyFolderError, match="chmod 600"):
        keyfolder.load(tmp_path, "kep")


def test_a_private_key_is_private_from_its_first_byte_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    files.write(tmp_path / "key", b"secret", is_private=True)
    assert os.name == "nt" or seen == [0o600]


@pytest.mark.parametrize("commune", ["..", "a/b", "", "kép", "k", "."])
def test_only_a_communes_code_names_a_folder(tmp_path: Path, commune: str) -> None:
    for act in (keyfolder.load, keyfolder.document):
        with pytest.raises(InputError, match="no commune"):
            act(tmp_path, commune)
    with pytest.raises(InputError, match="no commune"):
        keyfolder.make(tmp_path, commune, NOW)


def test_keys_that_are_not_there_are_told_with_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(KeyFolderError, match="keys init kep"):
        keyfolder.load(tmp_path, "kep")
    with pytest.raises(KeyFolderError, match="keys init kep"):
        keyfolder.rotate(tmp_path, "kep", NOW)


def test_damaged_and_exchanged_keys_are_refused(tmp_path: Path) -> None:
    made(tmp_path)
    one, other = sorted((tmp_path / "kep").glob("*.pem"))
    kept = one.read_bytes()
    for content in (b"", b"-----BEGIN PRIVATE KEY-----\n", other.read_bytes()):
        one.write_bytes(content)
        with pytest.raises(KeyFolderError):
            keyfolder.load(tmp_path, "kep")
    one.write_bytes(kept)
    document = tmp_path / "kep" / "keys-000001.json"
    whole = document.read_bytes()
    document.write_bytes(whole[:-9])
    with pytest.raises(KeyFolderError, match="damaged"):
        keyfolder.load(tmp_path, "kep")
    (tmp_path / "kep").rename(tmp_path / "my-thai")
    (tmp_path / "my-thai" / "keys-000001.json").write_bytes(whole)
    with pytest.raises(KeyFolderError, match="belong to kep"):
        keyfolder.load(tmp_path, "my-thai")


def break_off(monkeypatch: pytest.MonkeyPatch, at_write: int) -> None:
    """The disk is full at the Nth file."""
    numbers, write = count(1), files.write

    def failing(path: Path, data: bytes, *, is_private: bool = False) -> None:
        if next(numbers) == at_write:
            raise OSError(28, "No space left on device")
        write(path, data, is_private=is_private)

    monkeypatch.setattr(files, "write", failing)


@pytest.mark.parametrize("at_write", [1, 2, 3])
def test_making_keys_that_breaks_off_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_write: int
) -> None:
    break_off(monkeypatch, at_write)
    with pytest.raises(KeyFolderError, match="No space left"):
        keyfolder.make(tmp_path, "kep", NOW)
    monkeypatch.undo()
    assert keyfolder.communes(tmp_path) == []
    assert made(tmp_path).document.version == 1


@pytest.mark.parametrize("at_write", [1, 2, 3])
def test_a_rotation_that_breaks_off_leaves_the_keys_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_write: int
) -> None:
    before = made(tmp_path)
    break_off(monkeypatch, at_write)
    with pytest.raises(KeyFolderError, match="No space left"):
        keyfolder.rotate(tmp_path, "kep", NOW + 70 * DAY)
    monkeypatch.undo()
    assert keyfolder.load(tmp_path, "kep").document == before.document
    ring = keyfolder.rotate(tmp_path, "kep", NOW + 70 * DAY)
    assert {path.stem for path in (tmp_path / "kep").glob("*.pem")} == ids(ring)


MAKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from broadcaster.orders import keyfolder
sys.stdin.readline()
ring = keyfolder.make(Path(sys.argv[1]), "kep", datetime.now(UTC))
print("made" if ring else "kept", ",".join(key.id for key in keyfolder.load(Path(sys.argv[1]), "kep").document.keys))
"""


def test_two_processes_that_make_keys_at_once_make_one_set(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("\n")
        maker.stdin.flush()
    said = [maker.communicate(timeout=120)[0].split() for maker in makers]
    assert sorted(word for word, _ in said) == ["kept", "kept", "kept", "made"]
    assert len({names for _, names in said}) == 1
    assert len(list((tmp_path / "kep").glob("*.pem"))) == 2


def test_a_lock_that_is_never_freed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path)
    monkeypatch.setattr(keyfolder, "_PATIENCE_S", 0)
    with FileLock(tmp_path / "kep" / ".lock"), pytest.raises(KeyFolderError, match="Another program"):
        keyfolder.rotate(tmp_path, "kep", NOW)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "kep").write_text("a file")
    with pytest.raises(KeyFolderError, match="cannot be written"):
        keyfolder.make(tmp_path, "kep", NOW)
