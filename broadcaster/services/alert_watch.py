"""What raises and clears alerts of the server itself: airings that end, keys that end, components that fail."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Outcome, Reason, Verdict
from broadcaster.domain.alert import AlertKind, is_alarming
from broadcaster.domain.place import Mode
from broadcaster.errors import BroadcasterError
from broadcaster.orders import keyfolder
from broadcaster.orders.keys import alarms
from broadcaster.services import keyring
from broadcaster.services.alerts import clear_alert, open_alerts, raise_alert
from broadcaster.services.telling import REASONS
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, CommuneRow, RevisionRow

_AIRED_NOT: dict[Outcome, str] = {
    Outcome.MISSED: "“{title}” was missed in {commune} at {time}: {reason}.",
    Outcome.FAILED: "“{title}” failed in {commune} at {time}: {reason}.",
    Outcome.PARTIAL: "“{title}” aired in {commune} at {time} only in part: {reason}.",
}
_DAMAGED = "damaged"
_SPEECH = "speech "


def airing_ended(session: Session, row: AiringRow, verdict: Verdict, now: datetime) -> None:
    """Raise an alert about an airing that should have aired, or clear that of its schedule in this commune."""
    if verdict.outcome is Outcome.AIRED:
        clear_alert(session, AlertKind.AIRING, row.commune, row.schedule, now)
    elif is_alarming(verdict.outcome, verdict.reason):
        commune = session.get_one(CommuneRow, row.commune)
        revision = session.get(RevisionRow, (row.bulletin, row.revision))
        title = row.bulletin if revision is None else revision.title
        fault = BroadcasterError(
            _AIRED_NOT[verdict.outcome],
            title=title,
            commune=commune.name,
            time=f"{row.due_at.astimezone(ZoneInfo(commune.timezone)):%H:%M %d/%m/%Y}",
            reason=BroadcasterError(REASONS[verdict.reason or Reason.NOT_CONFIRMED]),
        )
        if row.mode is Mode.TEST:
            fault = BroadcasterError("(Test) {text}", text=fault)
        raise_alert(session, AlertKind.AIRING, row.commune, row.schedule, now, fault=fault, title=title)


def watch_keys(store: Store, folder: Path, now: datetime, *, is_over: Callable[[], bool] = lambda: False) -> None:
    """Raise alerts about keys that end in 60, 30 or 7 days, or have ended, and about those that cannot be used.

    Each threshold is an alert of its own, so that one is told of each; the one before it is cleared quietly.
    """
    with store.reading() as session:
        known = set(session.scalars(select(CommuneRow.code)))
        before: dict[str, set[str]] = {}
        for row in open_alerts(session):
            if row.kind is AlertKind.KEYS_ENDING and row.commune is not None:
                before.setdefault(row.commune, set()).add(row.subject)
    for commune in keyfolder.communes(folder):
        if is_over():
            return
        wanted = _key_faults(folder, commune, now) if commune in known else {}
        if wanted.keys() == before.get(commune, set()):
            continue
        with store.writing() as session:
            for subject, fault in wanted.items():
                raise_alert(session, AlertKind.KEYS_ENDING, commune, subject, now, fault=fault)
            for subject in before.get(commune, set()) - wanted.keys():
                clear_alert(session, AlertKind.KEYS_ENDING, commune, subject, now, quietly=bool(wanted))


def watch_components(store: Store, found: Iterable[tuple[str, BroadcasterError | None]], now: datetime) -> None:
    """Raise an alert about each component that has a fault, and clear those of the others, also of what is gone."""
    faults = dict(found)
    with store.reading() as session:
        components = [row.subject for row in open_alerts(session) if row.kind is AlertKind.COMPONENT]
    before = {component for component in components if not component.startswith(_SPEECH)}  # its next clip tells
    bad = {component: fault for component, fault in faults.items() if fault is not None}
    if bad.keys() == before:
        return
    with store.writing() as session:
        for component, fault in bad.items():
            raise_alert(session, AlertKind.COMPONENT, None, component, now, component=component, fault=fault)
        for component in before - bad.keys():
            clear_alert(session, AlertKind.COMPONENT, None, component, now)


def speech_failed(session: Session, language: str, fault: BroadcasterError, now: datetime) -> None:
    """Raise an alert: no voice of a language could say something."""
    component = f"{_SPEECH}{language}"
    raise_alert(session, AlertKind.COMPONENT, None, component, now, component=component, fault=fault)


def speech_works(session: Session, language: str, now: datetime) -> None:
    clear_alert(session, AlertKind.COMPONENT, None, f"{_SPEECH}{language}", now)


def _key_faults(folder: Path, commune: str, now: datetime) -> dict[str, BroadcasterError]:
    """Subject (the purpose and its threshold) -> what is wrong."""
    try:
        ring = keyfolder.load(folder, commune)
    except BroadcasterError as error:
        return {_DAMAGED: error}
    return {
        f"{alarm.key.purpose} {alarm.threshold_days}": keyring.warning(commune, alarm)
        for alarm in alarms(ring.document.keys, now)
    }
