"""Many rows at once: at the size of a country, a statement that is built row by row is too slow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

_KEPT_VALUES = 4096
IN_ONE_STATEMENT = 500
"""SQLite takes only so many values in one."""

T = TypeVar("T")


def in_parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Values in parts that fit into one statement."""
    for start in range(0, len(values), IN_ONE_STATEMENT):
        yield values[start : start + IN_ONE_STATEMENT]


def insert_rows(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose values stand in the order of `names`, with the column types' own conversions.

    PostgreSQL takes them by COPY, SQLite by the driver's executemany.
    """
    dialect = connection.dialect
    converts = [
        (place, lru_cache(_KEPT_VALUES)(convert))
        for place, name in enumerate(names)
        if (convert := table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) is not None
    ]
    converted = [tuple(_converted(converts, row)) for row in rows]
    if not converted:
        return
    columns = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    if dialect.name != "postgresql":
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", converted)  # noqa: S608
        return
    driver: Any = connection.connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
        for row in converted:
            copy.write_row(row)


def _converted(converts: Sequence[tuple[int, Callable[[Any], Any]]], row: Sequence[Any]) -> list[Any]:
    """The row as the driver wants it. Rows of a plan share most moments and words: each is converted once."""
    values = list(row)
    for place, convert in converts:
        values[place] = convert(values[place])
    return values
