"""Keeping what a person changed: insert or update one row, and journal it where it differs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from broadcaster.domain.roles import Actor
from broadcaster.store import journal
from broadcaster.store.journal import Action
from broadcaster.store.tables import Row

_SECRET = ("password", "secret", "token")
_HIDDEN = "***"


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Imported:
    """What happened to one thing that was brought."""

    noun: str
    id: str
    change: Change


def keep(
    session: Session, noun: str, row: Row, actor: Actor, now: datetime, *, ignoring: Collection[str] = ()
) -> Imported:
    """Insert or update a row, and journal it where it differs; the columns in `ignoring` stay as they are."""
    table = type(row)
    keys = tuple(getattr(row, column.name) for column in table.__table__.primary_key)
    columns = [column.name for column in table.__table__.columns if column.name not in {"created_at", *ignoring}]
    values = {name: getattr(row, name) for name in columns}
    kept = session.get(table, keys)
    before = {name: getattr(kept, name) for name in columns} if kept is not None else None
    identity = ":".join(str(key) for key in keys)[:64]
    if before == values:
        return Imported(noun, identity, Change.UNCHANGED)
    if kept is None:
        session.add(row)
    else:
        for name, value in values.items():
            setattr(kept, name, value)
    session.flush()
    journal.append(
        session,
        chain=getattr(row, "commune", None) or (identity if noun == "commune" else journal.SYSTEM),
        action=Action.IMPORTED,
        now=now,
        actor=actor,
        subject=identity,
        data={"noun": noun, "before": without_secrets(before), "after": without_secrets(values)},
    )
    return Imported(noun, identity, Change.NEW if kept is None else Change.CHANGED)


def without_secrets(value: Any) -> Any:
    """The same without what stands under a key named for a password, secret or token: the journal is read by many."""
    if isinstance(value, dict):
        return {key: _HIDDEN if _is_secret(key) and part else without_secrets(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


def _is_secret(key: object) -> bool:
    return any(word in str(key).lower() for word in _SECRET)
