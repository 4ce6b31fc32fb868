"""The line of an airing says when, where, what and how it ended, and nothing in it can pass for another line."""

import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.cli.airing_line import airing_line, on_one_line, teller
from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason
from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.domain.place import Mode
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, BulletinRow, CommuneRow, RevisionRow
from tests.cli.programs import database

FIVE_IN_THE_AFTERNOON = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)  # in Viet Nam


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with database(tmp_path) as store:
        yield store


def airing(store: Store, title: str = "Mã QR giả", commune: str = "Lạng Giang", **values: object) -> AiringRow:
    with store.writing() as session:
        session.add(
            CommuneRow(
                code="lang-giang", name=commune, kind="xã", province="Bắc Ninh", timezone="Asia/Ho_Chi_Minh", zones=[],
                timetable={},
            )
        )  # fmt: skip
        session.add(
            BulletinRow(
                id="qr", state=BulletinState.APPROVED, revision=1, author=None, created_at=FIVE_IN_THE_AFTERNOON
            )
        )
        session.flush()
        session.add(
            RevisionRow(
                bulletin="qr", number=1, title=title, language="vi", field=Field.POLICY_LAW, priority=Priority.NORMAL,
                source="Công an xã", text="Kẻ gian dán mã QR giả.", created_at=FIVE_IN_THE_AFTERNOON, sha256="0" * 64,
            )
        )  # fmt: skip
    ended = {"phase": Phase.ENDED, "outcome": Outcome.AIRED, "reason": None, "evidence": Evidence.FINISHED} | values
    due = FIVE_IN_THE_AFTERNOON
    return AiringRow(
        id="1", commune="lang-giang", bulletin="qr", revision=1, mode=Mode.TEST, due_at=due, ends_at=due, **ended
    )


def test_an_airing_is_told_in_the_time_of_its_commune(store: Store) -> None:
    started_at = FIVE_IN_THE_AFTERNOON + timedelta(minutes=5, seconds=31, milliseconds=900)
    assert airing_line(store, airing(store, started_at=started_at)) == "17:05:31  Lạng Giang  Mã QR giả  aired"


def test_an_airing_that_never_started_is_told_by_its_due_time_and_reason(store: Store) -> None:
    row = airing(store, outcome=Outcome.MISSED, reason=Reason.SERVER_DOWN)
    assert airing_line(store, row) == "17:00:00  Lạng Giang  Mã QR giả  missed  server_down"


def test_an_airing_that_has_not_ended_ends_with_its_title(store: Store) -> None:
    row = airing(store, phase=Phase.PLANNED, outcome=None)
    assert airing_line(store, row) == "17:00:00  Lạng Giang  Mã QR giả"


def test_a_title_cannot_forge_a_line_or_move_the_cursor(store: Store) -> None:
    title = "Giả\r\n17:00:00  Kép  Thật  aired\x1b[2K\u202e\x00"
    line = airing_line(store, airing(store, title, "Lạng\x07 Giang\n"))
    assert line == r"17:00:00  Lạng\x07 Giang  Giả 17:00:00 Kép Thật aired\x1b[2K\u202e\x00  aired"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("র\u200d্যাব", "র\u200d্যাব"),
        ("a\u2028b\x85c\u00a0d\te", "a b c d e"),
        ("a\ud800", r"a\ud800"),
        ("  ", ""),
    ],
)
def test_a_text_from_outside_fits_on_one_line(text: str, line: str) -> None:
    assert on_one_line(text) == line


def test_a_line_is_printed_for_each_airing_that_ended(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    teller(store)(airing(store))
    assert capsys.readouterr().out == "17:00:00  Lạng Giang  Mã QR giả  aired\n"


def test_a_reader_that_is_gone_disturbs_no_airing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    row = airing(store)
    reading, writing = os.pipe()
    os.close(reading)
    pipe = os.fdopen(writing, "w", encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", pipe)
    teller(store)(row)
    teller(store)(row)
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        pipe.close()


def test_a_line_that_cannot_be_made_disturbs_no_airing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    row = airing(store)
    row.bulletin = "gone"
    with caplog.at_level(logging.ERROR):
        teller(store)(row)
    assert "was not printed" in caplog.text
