"""Bulletins of a source system, taken into the commune: submitted there, and offered once a person has approved them.

Nothing airs by itself. What came becomes a draft of this commune alone and lies before its approver; approved, it goes
the way of a campaign: a normal one is the commune's to adopt or decline, a priority one lands in the first slots of the
day, an emergency asks for the second person. Each is kept before it is acted on, once by its id at the source.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from broadcaster.audio import intake
from broadcaster.connectors.base import UPSTREAM, Upstream
from broadcaster.domain.alert import AlertKind
from broadcaster.domain.bulletin import BulletinState, Priority, RevisionText
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.domain.source import Medium, ReceivedState, Receiving, SourceBulletin
from broadcaster.errors import BroadcasterError, DeliveryError, InputError, StoreError
from broadcaster.services import bulletins, campaigns
from broadcaster.services.alert_queue import back_off
from broadcaster.services.alerts import clear_alert, open_alerts, raise_alert, written
from broadcaster.services.bulletins import Desk, Permission
from broadcaster.services.source_inbox import AT_ONCE, keep, note_link, refuse
from broadcaster.services.stations import Stations
from broadcaster.speech.recording import Recordings
from broadcaster.store import communes as places
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.source_tables import ReceivedRow, SourceLinkRow
from broadcaster.store.tables import BulletinRow, CommuneRow, SubmissionRow

log = logging.getLogger(__name__)

GIVEN_UP_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class SourceDesk:
    """Asks the source systems, in the caller's thread, one after the other."""

    store: Store
    stations: Stations
    recordings: Recordings
    desk: Desk
    os_user: str
    random: Random = field(default_factory=Random)

    def run(self, now: datetime, *, is_over: Callable[[], bool] = lambda: False) -> None:
        """Ask whom it is time to ask, take in what came, offer what was approved. `is_over` may end it in between."""
        talks: set[str] = set()
        failures: list[Exception] = []
        for station in upstreams(self.store):
            upstream = self.stations.upstream(station)
            receiving = None if upstream is None else upstream.receives
            talks |= {f"{station.code} reported"} | ({f"{station.code} received"} if receiving is not None else set())
            if upstream is not None and receiving is not None and not is_over():
                at = _At(self, station, upstream, receiving, now)
                try:
                    at.ask()
                    at.take(is_over)
                    at.offer()
                except StoreError:
                    raise
                except Exception as error:  # the others have their turn first
                    log.exception("The talk with a source system failed.", extra={"action": "source_failed"})
                    failures.append(error)
        self._settle_alerts(talks, now)
        if failures:
            raise failures[0]

    def _settle_alerts(self, talks: Collection[str], now: datetime) -> None:
        """An emergency that was decided on waits for nobody; of a talk that is wanted no more nothing is to be told."""
        undecided = (BulletinState.DRAFT, BulletinState.SUBMITTED)
        over = []
        with self.store.reading() as session:
            for row in open_alerts(session):
                if row.kind is AlertKind.SOURCE_EMERGENCY:
                    bulletin = session.get(BulletinRow, row.subject)
                    over += [row] if bulletin is not None and bulletin.state not in undecided else []
                elif row.kind is AlertKind.SOURCE_SYSTEM and row.subject not in talks:
                    over.append(row)
        for row in over:
            is_quiet = row.kind is AlertKind.SOURCE_SYSTEM
            with self.store.writing() as session:
                clear_alert(session, row.kind, row.commune, row.subject, now, quietly=is_quiet)


def upstreams(store: Store) -> list[Station]:
    """The stations of the kinds that may give bulletins and be told of airings."""
    with store.reading() as session:
        found = places.stations(session)
    return [station for stations in found.values() for station in stations if station.connector in UPSTREAM]


def bulletin_id(station: str, source_key: str) -> str:
    """What a source system's bulletin is called here."""
    return "nguon-" + hashlib.sha256(f"{station}\n{source_key}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _At:
    """One source system at one moment."""

    of: SourceDesk
    station: Station
    upstream: Upstream
    receiving: Receiving
    now: datetime

    @property
    def actor(self) -> Actor:
        """The source system as one who acts: it writes for its source, in its commune, and decides on nothing."""
        grants = (Grant(Role.WRITER, commune=self.station.commune), Grant(Role.EDITOR, source=self.receiving.source))
        return Actor(f"nguon-{self.station.code}"[:64], self.of.os_user, grants)

    @property
    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        """What came for the commune in which the station is now."""
        return (ReceivedRow.station == self.station.code, ReceivedRow.commune == self.station.commune)

    def ask(self) -> None:
        """Keep what is new on its list, if it is time to ask."""
        with self.of.store.reading() as session:
            link = session.get(SourceLinkRow, self.station.code)
        if link is not None and link.due_at > self.now:
            return
        tries = 0 if link is None else link.tries
        try:
            entries = self.upstream.bulletins()
        except DeliveryError as error:
            again = self.now + max(back_off(tries + 1, self.of.random), self.receiving.every)
            with self.of.store.writing() as session:
                note_link(session, self.station, again, self.now, tries=tries + 1, error=error)
            return
        with self.of.store.writing() as session:
            is_all = keep(session, self.station, entries, self.actor, self.now)
            again = self.now + self.receiving.every if is_all else self.now
            note_link(session, self.station, again, self.now, tries=0)

    def take(self, is_over: Callable[[], bool]) -> None:
        """Submit what waits, as far as it is its time."""
        due = (*self._mine, ReceivedRow.due_at <= self.now)
        with self.of.store.reading() as session:
            urgent_first = (ReceivedRow.priority != Priority.EMERGENCY, ReceivedRow.id)
            waiting = list(session.scalars(select(ReceivedRow).where(*due).order_by(*urgent_first).limit(AT_ONCE)))
        for row in waiting:
            if is_over():
                return
            try:
                self._take(row)
            except StoreError:
                raise
            except BroadcasterError as error:
                self._failed(row, error)
            except OSError as error:  # of the disk on which recordings lie
                self._failed(row, BroadcasterError("{error}", error=error))

    def _take(self, row: ReceivedRow) -> None:
        found = self.upstream.read(row.message).bulletin
        if found is None:
            raise InputError("It is no message.")
        if row.campaign is not None:  # of the version before, whose words are void
            campaigns.end(self.of.store, row.campaign, self.actor, self.now, withdraw=True)
        key, voice = bulletin_id(self.station.code, row.source_key), self._voice(found)
        text = RevisionText(
            title=found.title, language=self.receiving.language, field=found.field, priority=found.priority,
            source=self.receiving.source, text=found.text, voice=voice,
        )  # fmt: skip
        with self.of.store.writing() as session:
            bulletins.revise(session, key, text, self.actor.person, self.actor, self.now)
        self.of.desk.submit(key, self.actor, self.now, Permission(communes=[self.station.commune]))
        done = {"state": ReceivedState.SUBMITTED, "bulletin": key, "campaign": None, "due_at": None, "error": None}
        with self.of.store.writing() as session:
            if _set(session, row, **done):
                self._alarm(session, row)

    def _alarm(self, session: Session, row: ReceivedRow) -> None:
        """An emergency is told at once, also while its sound cannot be fetched."""
        if row.priority is Priority.EMERGENCY:
            key, source = bulletin_id(row.station, row.source_key), self.receiving.source
            raise_alert(
                session, AlertKind.SOURCE_EMERGENCY, row.commune, key, self.now, source=source, title=row.title,
                bulletin=key,
            )  # fmt: skip

    def _voice(self, found: SourceBulletin) -> str | None:
        """The recording that says it, where it came as a sound: through the gate for sound files of others."""
        if found.medium is not Medium.AUDIO:
            return None
        sound = intake.take_in(self.upstream.sound(found.audio_url, intake.LARGEST_BYTES))
        by, language = self.actor.person, self.receiving.language
        return self.of.recordings.add(sound, found.text, language, title=found.title, by=by, now=self.now).name

    def _failed(self, row: ReceivedRow, error: BroadcasterError) -> None:
        """What may be better later is tried again; what will not be is refused, and told."""
        is_final = isinstance(error, InputError) or (isinstance(error, DeliveryError) and error.is_permanent)
        with self.of.store.writing() as session:
            if is_final or row.received_at <= self.now - GIVEN_UP_AFTER:
                refuse(session, row, error, self.actor, self.now)
                key = bulletin_id(row.station, row.source_key)
                clear_alert(session, AlertKind.SOURCE_EMERGENCY, row.commune, key, self.now, quietly=True)
            else:
                again = self.now + back_off(row.tries + 1, self.of.random)
                _set(session, row, tries=row.tries + 1, due_at=again, error=written(error))
                self._alarm(session, row)

    def offer(self) -> None:
        """Send what was approved as a campaign of its own; each version anew, for its words are others."""
        approved = (
            select(ReceivedRow)
            .join(BulletinRow, BulletinRow.id == ReceivedRow.bulletin)
            .where(*self._mine, ReceivedRow.state == ReceivedState.SUBMITTED)
            .where(BulletinRow.state == BulletinState.APPROVED)
        )
        with self.of.store.reading() as session:
            rows: Sequence[ReceivedRow] = list(session.scalars(approved.limit(AT_ONCE)))
        for row in rows:
            is_asked_here = row.priority is Priority.EMERGENCY and not self.receiving.is_trusted
            campaign, error = None, None
            try:
                campaign = None if is_asked_here else self._send(row)
            except StoreError:
                raise
            except BroadcasterError as found:  # the bulletin is approved all the same, and can be scheduled
                error = found
            with self.of.store.writing() as session:
                fault = None if error is None else written(error)
                _set(session, row, state=ReceivedState.OFFERED, campaign=campaign, error=fault)

    def _send(self, row: ReceivedRow) -> str:
        with self.of.store.reading() as session:
            commune = session.get_one(CommuneRow, row.commune)
            decided = select(SubmissionRow.decided_at).where(SubmissionRow.bulletin == row.bulletin)
            decided_at = session.scalars(decided.order_by(SubmissionRow.id.desc())).first() or self.now
        rule = f"FREQ=DAILY;COUNT={self.receiving.days}"
        entry = campaigns.wished(
            {
                "id": f"{row.bulletin}-v{row.version}", "title": row.title, "source": self.receiving.source,
                "bulletins": [row.bulletin], "communes": [row.commune], "rrule": rule,
                "dtstart": decided_at.astimezone(ZoneInfo(commune.timezone)).date(),
            }
        )  # fmt: skip
        campaigns.send(
            self.of.store, entry, self.actor, self.now, names=[commune.name],
            overrides_quiet=self.receiving.overrides_quiet,
        )  # fmt: skip
        return entry.id


def _set(session: Session, row: ReceivedRow, **values: object) -> bool:
    """Note what came of this version; whether it is still the newest."""
    mine = update(ReceivedRow).where(ReceivedRow.id == row.id, ReceivedRow.version == row.version)
    return changed_rows(session, mine.values(**values)) == 1
