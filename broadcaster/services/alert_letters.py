"""The letters about alerts, in the recipient's language: what is new, what is over, each with its time."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.alert import Change
from broadcaster.letters import Letter
from broadcaster.services import alerts
from broadcaster.store.alert_tables import AlertMessageRow, AlertRow
from broadcaster.store.bulk import in_parts
from broadcaster.store.tables import CommuneRow
from broadcaster.words import Words

_LINES = 60
"""As many alerts stand in a mail; the others are counted. A webhook gets all."""


@dataclass(frozen=True, slots=True)
class Place:
    """A commune as it is called, and its time; of what concerns the whole server, this computer's time."""

    name: str | None = None
    zone: ZoneInfo | None = None

    def local(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M %d/%m/%Y}"


@dataclass(frozen=True, slots=True)
class Told:
    """One message with the alert it is about."""

    message: AlertMessageRow
    alert: AlertRow
    place: Place

    @property
    def is_over(self) -> bool:
        return self.message.change is Change.CLEARED

    def text(self, words: Words) -> str:
        error = alerts.text_of(self.alert, is_cleared=self.is_over, commune=self.place.name)
        text = " ".join(words.error(error).split())
        if self.is_over and self.alert.times > 1:
            return words("{text} It came and went {count} times.", text=text, count=self.alert.times)
        return text

    def line(self, words: Words) -> str:
        at = self.alert.cleared_at if self.is_over else self.alert.opened_at
        return f"- {self.place.local(at or self.alert.opened_at)}  {self.text(words)}"


def told(session: Session, messages: Sequence[AlertMessageRow]) -> list[Told]:
    """Messages with their alerts, first what is new; those of a commune stand together."""
    ids = [message.alert for message in messages]
    found = {
        row.id: row for part in in_parts(ids) for row in session.scalars(select(AlertRow).where(AlertRow.id.in_(part)))
    }
    known = places(session, found.values())
    all_told = [Told(message, found[message.alert], known[found[message.alert].commune]) for message in messages]
    return sorted(all_told, key=lambda one: (one.is_over, one.alert.commune or "", one.alert.kind, one.alert.id))


def places(session: Session, rows: Iterable[AlertRow]) -> dict[str | None, Place]:
    """How the communes of these alerts are called; one that is gone, by its code."""
    codes = sorted({row.commune for row in rows if row.commune is not None})
    found: dict[str | None, Place] = {None: Place(), **{code: Place(code) for code in codes}}
    for part in in_parts(codes):
        for row in session.scalars(select(CommuneRow).where(CommuneRow.code.in_(part))):
            found[row.code] = Place(row.name, ZoneInfo(row.timezone))
    return found


def letter(found: Sequence[Told], language: str) -> Letter:
    """One letter about all of this, new and over."""
    words = Words(language)
    new, over = [one for one in found if not one.is_over], [one for one in found if one.is_over]
    parts = [(words("New:"), new), (words("Over:"), over)]
    text = "\n\n".join("\n".join([title, *_lines(some, words)]) for title, some in parts if some)
    text += "\n\n" + words("All that is open now: broadcaster alerts") + "\n"
    if len(found) == 1:
        subject = found[0].text(words)
    else:
        subject = words("{new} new alerts, {over} over", new=len(new), over=len(over))
    return Letter(_id(found), f"[Broadcaster] {subject}", text, [_data(one, words) for one in found])


def trial(name: str, language: str) -> Letter:
    """A letter that says it is only a test."""
    words = Words(language)
    text = words("This is a test. Alerts of Broadcaster arrive here.")
    return Letter(name, f"[Broadcaster] {words('A test')}", text + "\n")


def _lines(found: Sequence[Told], words: Words) -> list[str]:
    lines = list(dict.fromkeys(one.line(words) for one in found))  # two keys of a commune are renewed at once
    if len(lines) > _LINES:
        lines[_LINES:] = [words("and {count} more", count=len(lines) - _LINES)]
    return lines


def _id(found: Sequence[Told]) -> str:
    """The same for the same messages, however often they are sent."""
    ids = " ".join(f"{one.alert.id} {one.message.change}" for one in sorted(found, key=lambda one: one.message.id))
    return hashlib.sha256(f"{found[0].message.to} {ids}".encode()).hexdigest()[:32]


def _data(one: Told, words: Words) -> dict[str, object]:
    """One alert for programs; moments in ISO 8601, in UTC."""
    row = one.alert
    return {
        "id": row.id, "change": str(one.message.change), "kind": str(row.kind), "commune": row.commune,
        "subject": row.subject, "opened_at": row.opened_at.isoformat(),
        "cleared_at": row.cleared_at.isoformat() if row.cleared_at is not None and one.is_over else None,
        "times": row.times, "text": one.text(words),
    }  # fmt: skip
