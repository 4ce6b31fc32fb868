"""Alerts: raised once while something is wrong, cleared once it is over; both in the transaction of what they tell of.

Who is told, and that nobody is told twice, is the matter of `alert_queue`: an airing never waits for a mail server.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, exists, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.alert import DAMPING, AlertKind
from broadcaster.errors import BroadcasterError
from broadcaster.store.alert_tables import AlertMessageRow, AlertRow
from broadcaster.store.engine import changed_rows, is_added

_SUBJECT_CHARACTERS = 200
_FORGOTTEN_BY_THEMSELVES = timedelta(days=7)

OPENED: Mapping[AlertKind, str] = {
    AlertKind.LOUDSPEAKER_OFFLINE: "Loudspeaker {loudspeaker} in {commune} is not connected.",
    AlertKind.LOUDSPEAKER_AMPLIFIER: "The amplifier of loudspeaker {loudspeaker} in {commune} reports a fault.",
    AlertKind.LOUDSPEAKER_SILENT: "Loudspeaker {loudspeaker} in {commune} was playing, but no sound was heard.",
    AlertKind.LOUDSPEAKER_CLOCK: (
        "The clock of loudspeaker {loudspeaker} in {commune} is wrong. It refuses what is due by it."
    ),
    AlertKind.LOUDSPEAKER_STORAGE: "Loudspeaker {loudspeaker} in {commune} has hardly any room left for bulletins.",
    AlertKind.LOUDSPEAKER_CLIP: "Loudspeaker {loudspeaker} in {commune} could not fetch the sound of a bulletin.",
    AlertKind.KEYS_ENDING: "{fault}",
    AlertKind.AIRING: "{fault}",
    AlertKind.COMPONENT: "{component} does not work on the server: {fault}",
    AlertKind.SOURCE_SYSTEM: "The source system of {commune} (station {station}) has a trouble: {fault}",
    AlertKind.SOURCE_REFUSED: "“{title}”, which came from the source system of {commune}, cannot be aired: {fault}",
    AlertKind.SOURCE_EMERGENCY: (
        "An emergency bulletin of {source} has come for {commune}: “{title}”. It airs only once it is approved here "
        "and confirmed: broadcaster bulletin show {bulletin}"
    ),
}
"""Kind -> the text of an alert. `commune` is filled with the commune's name; the other fields whoever raises gives."""

CLEARED: Mapping[AlertKind, str] = {
    AlertKind.LOUDSPEAKER_OFFLINE: "Loudspeaker {loudspeaker} in {commune} is connected again.",
    AlertKind.LOUDSPEAKER_AMPLIFIER: "The amplifier of loudspeaker {loudspeaker} in {commune} works again.",
    AlertKind.LOUDSPEAKER_SILENT: "Loudspeaker {loudspeaker} in {commune} is heard again.",
    AlertKind.LOUDSPEAKER_CLOCK: "The clock of loudspeaker {loudspeaker} in {commune} is right again.",
    AlertKind.LOUDSPEAKER_STORAGE: "Loudspeaker {loudspeaker} in {commune} has room for bulletins again.",
    AlertKind.LOUDSPEAKER_CLIP: "Loudspeaker {loudspeaker} in {commune} fetches the sound of bulletins again.",
    AlertKind.KEYS_ENDING: "{commune} has new keys.",
    AlertKind.AIRING: "“{title}” airs in {commune} again.",
    AlertKind.COMPONENT: "{component} works on the server again.",
    AlertKind.SOURCE_SYSTEM: "The source system of {commune} (station {station}) works again.",
    AlertKind.SOURCE_REFUSED: "“{title}”, which came from the source system of {commune}, was settled.",
    AlertKind.SOURCE_EMERGENCY: "The emergency bulletin “{title}” for {commune} was decided on.",
}


def raise_alert(
    session: Session, kind: AlertKind, commune: str | None, subject: str, now: datetime, **fields: object
) -> bool:
    """Open an alert about `subject` (an id: of a loudspeaker, a schedule, …), unless it is open; whether it was opened.

    `fields` fill the kind's text; errors among them are told in the language of whoever reads. What was cleared less
    than `DAMPING` ago goes on as if it had never been over: nobody is told of either.
    """
    key = _key(kind, commune, subject)
    values = {
        "id": str(ULID.from_datetime(now)), "commune": commune, "kind": kind, "subject": subject[:_SUBJECT_CHARACTERS],
        "open_key": key, "opened_at": now, "template": OPENED[kind], "fields": written(fields),
    }  # fmt: skip
    if not is_added(session, AlertRow, values):
        return False
    before = session.scalars(_damped(kind, commune, subject[:_SUBJECT_CHARACTERS], now)).first()
    if before is not None and _is_continued(session, before):
        again = update(AlertRow).where(AlertRow.id == values["id"])
        session.execute(again.values(times=before.times + 1, is_opening_told=True))
    return True


def clear_alert(
    session: Session, kind: AlertKind, commune: str | None, subject: str, now: datetime, *, quietly: bool = False
) -> bool:
    """Clear the open alert about `subject`, if there is one; whether there was. Quietly: nobody is told."""
    found = update(AlertRow).where(AlertRow.open_key == _key(kind, commune, subject))
    told = {"is_opening_told": True, "is_clearing_told": True} if quietly else {}
    return changed_rows(session, found.values(open_key=None, cleared_at=now, **told)) > 0


def clear_commune(session: Session, commune: str, now: datetime) -> None:
    """Clear all of a commune's alerts, quietly: it is there no more."""
    found = update(AlertRow).where(AlertRow.commune == commune, AlertRow.open_key.is_not(None))
    session.execute(found.values(open_key=None, cleared_at=now, is_opening_told=True, is_clearing_told=True))


def open_alerts(session: Session, commune: str | None = None) -> list[AlertRow]:
    """What is wrong now, the newest first; of one commune or of all and the server."""
    query = select(AlertRow).where(AlertRow.open_key.is_not(None))
    return list(session.scalars(_newest_first(query, commune)))


def recent_alerts(session: Session, since: datetime, commune: str | None = None, limit: int = 100) -> list[AlertRow]:
    """What was cleared since a moment, the newest first."""
    query = select(AlertRow).where(AlertRow.open_key.is_(None), AlertRow.cleared_at >= since)
    return list(session.scalars(_newest_first(query, commune).limit(limit)))


def forget(session: Session, now: datetime, keep: timedelta) -> None:
    """Remove what was cleared longer than `keep` ago and waits to be sent no more.

    Whether a schedule airs again is not seen where it has no further date, nor whether somebody has dealt with what was
    refused of a source system: after a week it is cleared, quietly.
    """
    past = AlertRow.kind.in_((AlertKind.AIRING, AlertKind.SOURCE_REFUSED)) & AlertRow.open_key.is_not(None)
    session.execute(
        update(AlertRow)
        .where(past, AlertRow.opened_at < now - _FORGOTTEN_BY_THEMSELVES)
        .values(open_key=None, cleared_at=now, is_clearing_told=True)
    )
    waits = exists().where(AlertMessageRow.alert == AlertRow.id, AlertMessageRow.due_at.is_not(None))
    old = select(AlertRow.id).where(
        AlertRow.cleared_at < now - keep, AlertRow.is_opening_told, AlertRow.is_clearing_told, ~waits
    )
    session.execute(delete(AlertMessageRow).where(AlertMessageRow.alert.in_(old)))
    session.execute(delete(AlertRow).where(AlertRow.id.in_(old)))


def text_of(row: AlertRow, *, is_cleared: bool, commune: str | None) -> BroadcasterError:
    """An alert, or that it is over, to be told in any language; `commune` is how the commune is called."""
    template = CLEARED[row.kind] if is_cleared else row.template
    values = {"commune": commune or row.commune or ""} | {name: read(value) for name, value in row.fields.items()}
    return BroadcasterError(template, **values)


def written(value: object) -> Any:
    """Fields of a text as JSON: errors as their templates and values, so that they can be told in any language."""
    if isinstance(value, BroadcasterError):
        return {"template": value.message, "values": written(value.values)}
    if isinstance(value, Mapping):
        return {str(name): written(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [written(each) for each in value]
    if isinstance(value, OSError) and value.strerror:
        return value.strerror
    return value if isinstance(value, int | float | str) or value is None else str(value)


def read(value: Any) -> object:
    """What `written` has written."""
    if isinstance(value, dict) and value.keys() == {"template", "values"}:
        return BroadcasterError(value["template"], **{name: read(each) for name, each in value["values"].items()})
    return [read(each) for each in value] if isinstance(value, list) else value


def _key(kind: AlertKind, commune: str | None, subject: str) -> str:
    return f"{kind} {commune or ''} {subject[:_SUBJECT_CHARACTERS]}"


def _damped(kind: AlertKind, commune: str | None, subject: str, now: datetime) -> Select[AlertRow]:
    """The alert that this one goes on from, of which nobody has been told that it is over."""
    same = (AlertRow.kind == kind, AlertRow.subject == subject, AlertRow.commune.is_not_distinct_from(commune))
    recent = (AlertRow.cleared_at > now - DAMPING, AlertRow.is_clearing_told.is_(False))
    return select(AlertRow).where(*same, *recent).order_by(AlertRow.cleared_at.desc()).limit(1)


def _is_continued(session: Session, before: AlertRow) -> bool:
    """Whether it is now certain that nobody will be told that the earlier one is over."""
    found = update(AlertRow).where(AlertRow.id == before.id, AlertRow.is_clearing_told.is_(False))
    return changed_rows(session, found.values(is_clearing_told=True)) > 0


def _newest_first(query: Select[AlertRow], commune: str | None) -> Select[AlertRow]:
    ordered: Sequence[Any] = (AlertRow.opened_at.desc(), AlertRow.id.desc())
    return (query if commune is None else query.where(AlertRow.commune == commune)).order_by(*ordered)
