"""Sessions: whole or not at all, one writer at a time, and times that mean the same everywhere."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.errors import StoreError
from broadcaster.store import submissions
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.tables import BulletinRow, RevisionRow, ScheduleRow
from tests.fixtures import NOW


def bulletin(key: str = "b", at: datetime = NOW) -> BulletinRow:
    return BulletinRow(id=key, state=BulletinState.DRAFT, revision=1, author=None, created_at=at)


def revision() -> RevisionRow:
    return RevisionRow(
        bulletin="b", number=1, title="T", language="vi", field=Field.GENERAL, priority=Priority.NORMAL, source="",
        text="x", expires_at=None, template=None, voice=None, author=None, created_at=NOW, sha256="0" * 64,
    )  # fmt: skip


def keys(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.scalars(select(BulletinRow.id).order_by(BulletinRow.id)))


def test_what_is_written_can_be_read(store: Store) -> None:
    with store.writing() as session:
        session.add(bulletin())
    assert keys(store) == ["b"]


def test_an_error_undoes_the_whole_block(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing() as session:
        session.add(bulletin())
        session.flush()
        raise RuntimeError("broken off")
    assert keys(store) == []


def test_reading_sessions_keep_nothing(store: Store) -> None:
    with store.reading() as session:
        session.add(bulletin())
        session.flush()
    assert keys(store) == []


def test_a_reader_sees_nothing_of_a_block_that_is_not_finished(store: Store) -> None:
    with store.writing() as session:
        session.add(bulletin())
        session.flush()
        assert keys(store) == []


def test_a_second_writer_of_a_file_is_kept_out_from_the_first_line_of_the_block(sqlite_store: Store) -> None:
    store = sqlite_store
    impatient = Store(str(store.engine.url), busy_timeout_s=0.001)
    with store.writing() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(StoreError, match=r"cannot be used just now: .*locked"), impatient.writing() as other:
            other.execute(text("SELECT 1"))
    with impatient.writing() as other:
        other.add(bulletin())
    impatient.close()
    assert keys(store) == ["b"]


def test_writers_of_one_row_wait_for_each_other(store: Store) -> None:
    def count_up() -> None:
        for _ in range(20):
            with store.writing() as session:
                row = session.get_one(BulletinRow, "b", with_for_update=True)
                row.revision += 1

    with store.writing() as session:
        session.add(bulletin())
    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert session.get_one(BulletinRow, "b").revision == 81


def test_a_naive_datetime_is_refused(store: Store) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(StatementError, match="naive datetime"), store.writing() as session:
        session.add(bulletin(at=naive))
    with pytest.raises(StatementError, match="naive datetime"), store.reading() as session:
        session.scalars(select(BulletinRow).where(BulletinRow.created_at < naive)).all()


def test_a_moment_comes_back_in_utc_to_the_microsecond(store: Store) -> None:
    hanoi = datetime(2026, 11, 23, 9, 0, 0, 123456, timezone(timedelta(hours=7)))
    with store.writing() as session:
        session.add(bulletin(at=hanoi))
    with store.reading() as session:
        found = session.get_one(BulletinRow, "b").created_at
    assert found == hanoi
    assert found.tzinfo is UTC


def test_moments_are_compared_across_zones(store: Store) -> None:
    with store.writing() as session:
        session.add(bulletin("early", NOW))
        session.add(bulletin("late", NOW + timedelta(minutes=1)))
    hanoi = NOW.astimezone(timezone(timedelta(hours=7)))
    with store.reading() as session:
        assert list(session.scalars(select(BulletinRow.id).where(BulletinRow.created_at <= hanoi))) == ["early"]


def test_a_word_that_is_not_on_the_list_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="is not a valid BulletinState"), store.writing() as session:
        row = bulletin()
        row.state = cast(BulletinState, "lost")
        session.add(row)


def test_a_row_may_not_point_to_what_does_not_exist(store: Store) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), store.writing() as session:
        session.add(
            ScheduleRow(
                id="s", bulletin="nowhere", version=1, slots=[], times=[], dtstart=NOW.date(), rrule="FREQ=DAILY",
                exdates=[], order=0, is_rehearsal=False, created_at=NOW,
            )
        )  # fmt: skip


def test_every_connection_to_a_file_writes_through_to_the_disk(sqlite_store: Store) -> None:
    store = sqlite_store
    for engine in (store.engine, store.writer):
        with engine.connect() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert found == ["wal", 2, 1]


def test_the_file_of_a_database_is_known(sqlite_store: Store, tmp_path: Path) -> None:
    assert sqlite_store.sqlite_file == tmp_path / "broadcaster.db"
    assert Store("sqlite://").sqlite_file is None
    with closing(sqlite3.connect(tmp_path / "broadcaster.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_row_that_stays_locked_is_told_and_can_be_written_later(store: Store) -> None:
    with store.writing() as session:
        session.add(bulletin())
    impatient = Store(store.engine.url.render_as_string(hide_password=False), busy_timeout_s=0.05)
    rename = update(BulletinRow).values(author="an")
    with store.writing() as session:
        session.execute(rename)
        with pytest.raises(StoreError, match=r"cannot be used just now: .*lock"), impatient.writing() as other:
            other.execute(rename)
    with impatient.writing() as other:
        assert changed_rows(other, rename) == 1
    impatient.close()


def test_a_database_that_is_away_is_told_as_that(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'nowhere' / 'broadcaster.db'}", "postgresql://nobody@127.0.0.1:1/nothing"):
        away = Store(url)
        with pytest.raises(StoreError, match="cannot be used just now") as told, away.reading() as session:
            session.execute(text("SELECT 1"))
        assert "\n" not in str(told.value)
        away.close()


def test_two_writers_do_not_decide_on_one_bulletin_at_once(store: Store) -> None:
    with store.writing() as session:
        session.add(bulletin())
        session.flush()
        session.add(revision())
    impatient = Store(store.engine.url.render_as_string(hide_password=False), busy_timeout_s=0.05)
    with store.writing() as session:
        submissions.bulletin(session, "b")
        with pytest.raises(StoreError, match="cannot be used just now"), impatient.writing() as other:
            submissions.bulletin(other, "b")
        with impatient.reading() as reader:  # who only looks is not kept waiting
            assert submissions.bulletin(reader, "b")[0].id == "b"
    impatient.close()
