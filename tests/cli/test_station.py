"""`broadcaster station pack` as a person types it, without a process for each command."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broadcaster import clock, logs
from broadcaster.cli.main import app
from broadcaster.domain.place import Mode
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders import keyfolder
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.tables import PersonRow, StationRow
from tests.cli.programs import database
from tests.services.devices import filled


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROADCASTER__LANGUAGE", "en")
    monkeypatch.setattr(logs, "start", lambda *_: None)  # it would take the tests' own log away
    with database(tmp_path) as opened:
        filled(opened)
        config: dict[str, object] = {"folder": str(tmp_path / "out"), "signed": True}
        with opened.writing() as session:
            session.add(PersonRow(code="operator", name="", roles=[{"role": "operator", "commune": "kep"}]))
            session.add(StationRow(code="kep-xa", commune="kep", connector="folder", mode=Mode.LIVE, config=config,
                                   zones=[]))  # fmt: skip
        keyfolder.make(tmp_path / "data" / "keys", "kep", clock.now() - timedelta(minutes=1))
        (tmp_path / "usb").mkdir()
        yield opened


def typed(*arguments: str) -> str:
    """What `broadcaster station` prints; raises what it would tell as an error."""
    done = CliRunner().invoke(app, ["station", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_pack_is_written_and_told(store: Store) -> None:
    assert "0 airings and 0 cancellations are in" in typed("pack", "kep-xa", "usb", "--days", "3", "--as", "operator")
    (pack,) = Path("usb").iterdir()
    readme = (pack / "README.txt").read_text(encoding="utf-8-sig")
    assert "Các bản tin cho trạm kep-xa" in readme
    with store.reading() as session:
        assert [entry.action for entry in journal.entries_about(session, "kep-xa")] == ["pack_signed", "pack_written"]


def test_who_may_not_or_names_what_is_not_there_is_told_so(store: Store) -> None:
    with pytest.raises(NotAllowedError):
        typed("pack", "kep-xa", "usb")
    with pytest.raises(InputError, match=r"no station kep-la\. Known: kep-loa, kep-loa-2, kep-xa, my-thai-loa"):
        typed("pack", "kep-la", "usb", "--as", "operator")
    assert list(Path("usb").iterdir()) == []
