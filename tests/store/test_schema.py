"""Migrations: equal to the models, backed up first, and refused where they could do harm."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, String, Table, inspect, text

from broadcaster.domain.roles import Actor
from broadcaster.errors import StoreError
from broadcaster.store import journal, schema
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import Row
from tests.fixtures import NOW, Databases

NEXT_STEP = """
revision = "9001"
down_revision = "{newest}"

import os

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.create_table("later", sa.Column("id", sa.String(), primary_key=True))
    op.execute("UPDATE bulletins SET author = 'moved'")
    {then}
"""

UPGRADE = """
import sys
from pathlib import Path
from broadcaster.cli.main import main
from broadcaster.store import schema

schema._MIGRATIONS = Path(sys.argv.pop(1))
main()
"""
"""`broadcaster` with the migrations of another folder."""


NEWEST = schema.newest()


def differences(store: Store, metadata: MetaData) -> list[object]:
    with store.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def noted(store: Store) -> None:
    with store.writing() as session:
        journal.append(session, chain="kep", action=Action.PLANNED, now=NOW, actor=Actor(None, "root"), subject="plan")


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


def value(store: Store, query: str) -> object:
    with store.reading() as session:
        return session.scalar(text(query))


def entries(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


def path_of(store: Store) -> Path:
    assert store.sqlite_file is not None
    return store.sqlite_file


@pytest.fixture
def empty(kind: str, databases: Databases, tmp_path: Path) -> Iterator[Store]:
    with databases.empty(kind, tmp_path) as url:
        opened = Store(url)
        yield opened
        opened.close()


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program one migration later; the path of that migration."""
    newest = schema.newest()
    migrations = Path(shutil.copytree(Path(schema.__file__).with_name("migrations"), tmp_path / "migrations"))
    step = migrations / "versions" / "9001_later.py"
    step.write_text(NEXT_STEP.format(newest=newest, then="pass"), encoding="utf-8")
    monkeypatch.setattr(schema, "_MIGRATIONS", migrations)
    return step


def test_an_upgraded_empty_database_equals_the_models(empty: Store, tmp_path: Path) -> None:
    schema.upgrade(empty, tmp_path, NOW)
    assert differences(empty, Row.metadata) == []


def test_a_difference_between_database_and_models_would_be_seen(store: Store) -> None:
    other = MetaData()
    for table in Row.metadata.sorted_tables:
        table.to_metadata(other)
    Table("communes", other, Column("mayor", String()), extend_existing=True)
    assert len(differences(store, other)) == 1


def test_an_empty_database_is_not_up_to_date_and_the_error_says_what_to_run(empty: Store) -> None:
    assert schema.current(empty) is None
    with pytest.raises(StoreError, match=r"run: .*broadcaster db upgrade"):
        schema.check(empty)


def test_an_empty_database_is_upgraded_without_a_backup(empty: Store, tmp_path: Path) -> None:
    assert schema.upgrade(empty, tmp_path / "backups", NOW) is None
    assert schema.current(empty) == schema.newest()
    schema.check(empty)
    assert not (tmp_path / "backups").exists()


def test_upgrading_twice_does_nothing(store: Store, tmp_path: Path) -> None:
    noted(store)
    assert schema.upgrade(store, tmp_path / "backups", NOW) is None
    assert value(store, "SELECT count(*) FROM journal") == 1
    assert not (tmp_path / "backups").exists()


def test_a_database_of_the_first_version_keeps_its_data_through_all_upgrades(
    empty: Store, tmp_path: Path, next_version: Path
) -> None:
    config = schema._config()
    with empty.writer.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO bulletins (id, state, revision, author, created_at) "
                "VALUES ('chay-rung', 'draft', 1, 'writer', '2026-11-23 02:00:00.000000')"
            )
        )
        connection.commit()
    noted(empty)
    schema.upgrade(empty, tmp_path / "backups", NOW)
    schema.check(empty)
    assert value(empty, "SELECT author FROM bulletins WHERE id = 'chay-rung'") == "moved"
    with empty.reading() as session:
        assert journal.verify(session, "kep") is None
    assert [found for found in differences(empty, Row.metadata) if "later" not in repr(found)] == []


@pytest.mark.parametrize("is_filled", [True, False])
def test_an_upgrade_whose_process_is_killed_midway_is_completed_by_the_next_one(
    kind: str, databases: Databases, tmp_path: Path, next_version: Path, is_filled: bool
) -> None:
    whole = next_version.read_text(encoding="utf-8")
    next_version.write_text(whole.replace("pass", "os._exit(9)"), encoding="utf-8")
    with databases.empty(kind, tmp_path) as url:
        store = Store(url)
        if is_filled:
            next_version.rename(tmp_path / "kept.py")
            schema.upgrade(store, tmp_path / "backups", NOW)
            noted(store)
            (tmp_path / "kept.py").rename(next_version)
        before = schema.current(store)
        store.close()
        assert upgraded(tmp_path, url, next_version).returncode == 9
        assert "later" not in tables(store)
        # Each migration is a transaction of its own: those before the one that was killed are kept.
        assert schema.current(store) == (before or NEWEST)
        store.close()
        next_version.write_text(whole, encoding="utf-8")
        done = upgraded(tmp_path, url, next_version)
        assert done.returncode == 0, done.stderr
        assert "later" in tables(store)
        assert schema.current(store) == "9001"
        assert value(store, "SELECT count(*) FROM journal WHERE chain = 'kep'") == int(is_filled)
        store.close()


def upgraded(folder: Path, url: str, step: Path) -> subprocess.CompletedProcess[str]:
    """`broadcaster db upgrade`, as a process of its own."""
    (folder / "config.yaml").write_text(f"language: en\ndatabase: {{url: '{url}'}}\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-c", UPGRADE, str(step.parent.parent), "db", "upgrade"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_file_with_data_is_backed_up_before_it_is_upgraded(
    sqlite_store: Store, tmp_path: Path, next_version: Path
) -> None:
    before = schema.current(sqlite_store)
    noted(sqlite_store)
    with pytest.raises(StoreError, match="not up to date"):
        schema.check(sqlite_store)
    backup = schema.upgrade(sqlite_store, tmp_path / "backups", NOW)
    schema.check(sqlite_store)
    assert backup == tmp_path / "backups" / f"broadcaster-{before}-20261123T020000.db"
    assert entries(backup) == entries(path_of(sqlite_store)) == 1
    assert "later" in tables(sqlite_store)
    assert "later" not in tables(Store(f"sqlite:///{backup}"))


def test_a_backup_can_take_the_place_of_its_database(sqlite_store: Store, tmp_path: Path, next_version: Path) -> None:
    noted(sqlite_store)
    backup = schema.upgrade(sqlite_store, tmp_path / "backups", NOW)
    restored = Store(f"sqlite:///{backup}")
    with restored.reading() as session:
        assert journal.verify(session, "kep") is None
    schema.upgrade(restored, tmp_path / "other", NOW)
    schema.check(restored)
    restored.close()


@pytest.mark.parametrize("then", ['raise RuntimeError("killed")', 'op.execute("SELECT * FROM nowhere")'])
def test_a_migration_that_breaks_off_leaves_the_database_as_it_was(
    store: Store, tmp_path: Path, next_version: Path, then: str
) -> None:
    noted(store)
    before = schema.current(store)
    whole = next_version.read_text(encoding="utf-8")
    next_version.write_text(whole.replace("pass", then), encoding="utf-8")
    with pytest.raises((RuntimeError, StoreError)):
        schema.upgrade(store, tmp_path / "backups", NOW)
    assert schema.current(store) == before
    assert "later" not in tables(store)
    next_version.write_text(whole, encoding="utf-8")
    schema.upgrade(store, tmp_path / "backups", NOW)
    assert "later" in tables(store)
    assert value(store, "SELECT count(*) FROM journal") == 1


def test_a_database_of_a_newer_version_is_refused_and_left_alone(store: Store, tmp_path: Path) -> None:
    noted(store)
    with store.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (partial(schema.check, store), partial(schema.upgrade, store, tmp_path / "backups", NOW)):
        with pytest.raises(StoreError, match=r"newer version \(9999\)"):
            attempt()
    assert schema.current(store) == "9999"
    assert not (tmp_path / "backups").exists()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broadcaster.db"
    path.write_bytes(b"Khong phai la co so du lieu. " * 1000)
    store = Store(f"sqlite:///{path}")
    for attempt in (partial(schema.check, store), partial(schema.upgrade, store, tmp_path / "backups", NOW)):
        with pytest.raises(StoreError, match="cannot be used"):
            attempt()
    assert path.read_bytes().startswith(b"Khong phai")
    store.close()


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'nowhere' / 'broadcaster.db'}")
    with pytest.raises(StoreError, match="cannot be used"):
        schema.check(store)
    store.close()


def test_a_damaged_page_is_told_as_damage(sqlite_store: Store) -> None:
    path = path_of(sqlite_store)
    for _ in range(50):
        noted(sqlite_store)
    sqlite_store.close()
    with closing(sqlite3.connect(path)) as connection:
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'journal'").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(root - 1) * page_size : root * page_size] = b"\xff" * page_size
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"), sqlite_store.reading() as session:
        journal.verify(session, "kep")
    with pytest.raises(StoreError, match="is damaged"):
        noted(sqlite_store)
