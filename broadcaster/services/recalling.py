"""Taking back: what was stopped, must give way, is not approved any more, or was planned otherwise since.

An order that cannot be taken back from one of its stations stays an order; it is tried again with the next tick.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.airing import OPEN_STATION_STATES, Phase, Reason, StationState, Verdict
from broadcaster.domain.place import Station
from broadcaster.domain.plan import NEAR
from broadcaster.errors import StoreError
from broadcaster.services import planning, stops
from broadcaster.services.barring import cut, is_superseded, refusal
from broadcaster.services.outcomes import Outcomes, tell
from broadcaster.services.silencing import Silencer
from broadcaster.store import airings
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import StopRow
from broadcaster.store.tables import AiringRow, DeliveryRow, ScheduleRow

log = logging.getLogger(__name__)

_Known = Mapping[str, Station]
"""Every station by its code."""


@dataclass(slots=True)
class _Findings:
    """What has to be taken back, and why: for good, or to be planned anew."""

    ended: list[tuple[AiringRow, Verdict]] = field(default_factory=list)
    outdated: list[AiringRow] = field(default_factory=list)
    begun: list[AiringRow] = field(default_factory=list)
    """What goes on, unless a zone of it was stopped."""
    unplanned: set[str] = field(default_factory=set)
    """The communes of what was taken back and is not planned anew yet."""


@dataclass(frozen=True, slots=True)
class Recall:
    store: Store
    config: Config
    outcomes: Outcomes
    silencer: Silencer

    def run(self, now: datetime) -> None:
        """Take back and cut short what may not air so, and plan anew what was taken back."""
        with self.store.reading() as session:
            stopped = stops.in_force(session)
            found = self._findings(session, stopped, now)
            known = {station.code: station for of in places.stations(session).values() for station in of}
            unsilenced = airings.unsilenced(session, now)
        # What has ended, and a station could not be told so; then what ends now.
        silent = [(row, [known[code] for code in codes if code in known]) for row, codes in unsilenced.items()]
        for row, verdict in found.ended:
            self._end(row, verdict, now)
            # One that knows nothing of it stays as it is.
            silent.append((row, [station for station in known.values() if station.commune == row.commune]))
        self.silencer.ask(((row.id, stations) for row, stations in silent), now)
        for row, stations in silent:
            self._silence_parts(row, stations, now)
        for row in found.begun if any(stop.zone is not None for stop in stopped) else ():
            self._silence_zones(row, stopped, known, now)
        self._renew(found.outdated, found.unplanned, known, now)

    def _findings(self, session: Session, stopped: Sequence[StopRow], now: datetime) -> _Findings:
        urgent = airings.emergencies_due(session, now)
        found = _Findings()
        for row in (*airings.under_way(session), *airings.given_back(session)):
            verdict = cut(row, stopped, urgent)
            refused = refusal(session, row) if verdict is None and row.phase is not Phase.ON_AIR else None
            is_unapproved = refused is not None and refused.reason is Reason.NOT_APPROVED
            is_outdated = row.is_outdated or (is_unapproved and is_superseded(session, row))
            may_go_back = verdict is None and is_outdated and (refused is None or is_unapproved)
            if may_go_back and _goes_back(session, row, now):
                found.outdated.append(row)
            elif verdict := verdict or refused:
                found.ended.append((row, verdict))
            else:
                found.begun.append(row)
        found.unplanned = {
            row.commune for row in airings.outdated(session)
            if not _is_at_station(row) and row.due_at > now and row.postponed_from is None
        }  # fmt: skip
        return found

    def _end(self, row: AiringRow, verdict: Verdict, now: datetime) -> None:
        with self.store.writing() as session:
            for part in airings.deliveries(session, row.id):
                if part.started_at is not None:  # as far as is known; the station's own word comes too late
                    part.position_s = max(0.0, (now - part.started_at).total_seconds())
            self.outcomes.end(session, session.get_one(AiringRow, row.id), verdict, now)

    def _silence_zones(self, row: AiringRow, stopped: Sequence[StopRow], known: _Known, now: datetime) -> None:
        """End the parts of an airing that are heard in a stopped zone; the others go on."""
        with self.store.reading() as session:
            parts = [part for part in airings.deliveries(session, row.id) if part.state in OPEN_STATION_STATES]
        concerned = [known[part.station] for part in parts if part.station in known]
        heard_on = {station.code for station in stops.unstopped(stopped, concerned)}
        self._silence_parts(row, [station for station in concerned if station.code not in heard_on], now)

    def _silence_parts(self, row: AiringRow, stations: Sequence[Station], now: datetime) -> None:
        """Silence an airing at some of its stations, and end it with the last of them."""
        silent = self.silencer.silence(row.id, stations, now)
        known = {station.code: station for station in stations}
        if silent:
            with self.store.writing() as session:
                parts = airings.deliveries(session, row.id)
                for part in parts:
                    if part.station in silent:
                        self._end_part(part, known[part.station], now)
                kept = session.get_one(AiringRow, row.id)
                if parts and kept.phase is not Phase.ENDED and not any(p.state in OPEN_STATION_STATES for p in parts):
                    self.outcomes.conclude(session, kept, now)

    def _renew(self, outdated: Sequence[AiringRow], communes: set[str], known: _Known, now: datetime) -> None:
        """Take back what is outdated and plan anew, until no plan finds more of it.

        What is planned around an order that is still out there must not be handed over before that is back: the two
        would change places for ever.
        """
        tried: set[str] = set()
        while outdated or communes:
            tried |= {row.id for row in outdated}
            communes = communes | {row.commune for row in outdated if self._take_back(row, known, now)}
            for commune in sorted(communes):
                self._plan_anew(commune, now)
            with self.store.reading() as session:
                rows = [row for row in airings.outdated(session) if row.commune in communes and row.id not in tried]
                outdated = [row for row in rows if _is_at_station(row) and _goes_back(session, row, now)]
            communes = set()

    def _take_back(self, row: AiringRow, known: _Known, now: datetime) -> bool:
        """Take an order back from every station that may hold it; whether none does any more."""
        with self.store.reading() as session:
            parts = airings.deliveries(session, row.id)
        told = {part.station for part in parts if part.state in OPEN_STATION_STATES}
        if row.phase is Phase.PLANNED:  # a worker died as it sent: nobody knows to whom
            told = {station.code for station in known.values() if station.commune == row.commune}
        failed = {part.station for part in parts if part.state is StationState.FAILED} & set(known)
        silent = self.silencer.silence(row.id, [known[code] for code in told | failed if code in known], now)
        with self.store.writing() as session:
            if told <= silent:
                is_back = airings.take_back(session, row.id)
                if is_back:
                    kept = session.get_one(AiringRow, row.id)
                    tell(session, self.outcomes.actor, Action.AIRING_TAKEN_BACK, kept, now, stations=sorted(silent))
                return is_back
            for part in airings.deliveries(session, row.id):
                if part.station in silent:
                    self._end_part(part, known[part.station], now)
            # What has given its order back is not to be left alone with that, should the plan be as it was again.
            airings.move(session, row.id, [row.phase], is_outdated=True)
        return False

    def _end_part(self, part: DeliveryRow, station: Station, now: datetime) -> None:
        """A station was silenced: it stopped where it was, or gave back what it had not begun."""
        if part.state not in OPEN_STATION_STATES:
            return
        capabilities = self.outcomes.stations.capabilities(station)
        if part.state is StationState.STARTED and part.started_at is not None:
            part.state, part.ended_at = StationState.STOPPED, now
            part.position_s = max(0.0, (now - part.started_at).total_seconds())
        else:
            part.state = StationState.RECALLED
        if capabilities is not None and not capabilities.confirms_stop:
            part.detail = Reason.NOT_CONFIRMED  # a stick may have been carried away before

    def _plan_anew(self, commune: str, now: datetime) -> None:
        """At once, so that it can be handed over again; where that fails it waits, and is not handed over as it was."""
        try:
            planning.plan(self.store, self.config, self.outcomes.actor, now, [commune])
        except StoreError:
            raise
        except Exception:
            log.exception("%s cannot be planned anew.", commune, extra={"action": "plan_failed", "commune": commune})


def _goes_back(session: Session, row: AiringRow, now: datetime) -> bool:
    """Whether an outdated airing is due long enough from now, and a plan can give it another place."""
    if row.phase is Phase.SENDING or row.started_at is not None or row.due_at <= now + NEAR:
        return False
    return row.postponed_from is None and not session.get_one(ScheduleRow, row.schedule).is_emergency


def _is_at_station(row: AiringRow) -> bool:
    """Whether its order may lie at a station."""
    return row.phase is Phase.HANDED_OVER or row.latest_start_at is not None
