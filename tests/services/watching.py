"""The database itself tells which states followed one another, whoever wrote them."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import text

from broadcaster.domain import airing, bulletin
from broadcaster.domain.airing import Phase, StationState
from broadcaster.domain.bulletin import BulletinState
from broadcaster.store.engine import Store

Table = Mapping[StrEnum, frozenset[StrEnum]]

_WATCHED: Mapping[str, tuple[str, type[StrEnum], Table]] = {
    "airings": ("phase", Phase, airing.TRANSITIONS),  # type: ignore[dict-item]
    "deliveries": ("state", StationState, airing.STATION_TRANSITIONS),  # type: ignore[dict-item]
    "bulletins": ("state", BulletinState, bulletin.TRANSITIONS),  # type: ignore[dict-item]
}
_NOTE = """
CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN
  EXECUTE format('INSERT INTO seen SELECT %L, ($1).%I, ($2).%I', TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[0]) USING OLD, NEW;
  RETURN NEW;
END $$ LANGUAGE plpgsql
"""


def watch(store: Store) -> None:
    """From now on the database notes every change of a state."""
    is_sqlite = store.engine.dialect.name == "sqlite"
    with store.writing() as session:
        session.execute(text("CREATE TABLE seen (thing TEXT, before TEXT, after TEXT)"))
        if not is_sqlite:
            session.execute(text(_NOTE))
        for thing, (column, _, _) in _WATCHED.items():
            note = f"INSERT INTO seen VALUES ('{thing}', old.{column}, new.{column})"
            act = f"BEGIN {note}; END" if is_sqlite else f"EXECUTE FUNCTION note('{column}')"
            when = f"AFTER UPDATE ON {thing} FOR EACH ROW WHEN (old.{column} <> new.{column})"
            session.execute(text(f"CREATE TRIGGER watch_{thing} {when} {act}"))


def seen(store: Store, thing: str) -> set[tuple[StrEnum, StrEnum]]:
    """The changes of a table's states, each as what it was before and after."""
    _, words, _ = _WATCHED[thing]
    with store.reading() as session:
        found = session.execute(text("SELECT DISTINCT before, after FROM seen WHERE thing = :thing"), {"thing": thing})
        return {(words(before), words(after)) for before, after in found}


def ways(thing: str) -> set[tuple[StrEnum, StrEnum]]:
    """What the table of transitions permits."""
    _, _, table = _WATCHED[thing]
    return {(before, after) for before, afters in table.items() for after in afters}


def assert_only_the_ways_of_the_tables(store: Store) -> None:
    for thing in _WATCHED:
        assert seen(store, thing) <= ways(thing)
