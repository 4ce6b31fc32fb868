"""What loudspeakers report of airings, one by one, and what follows from it for their station and the airing.

A report is evidence: it is taken in though its airing has ended meanwhile. What is impossible changes nothing, and is
journalled.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from broadcaster.domain.airing import (
    OPEN_STATION_STATES,
    STATION_TRANSITIONS,
    Phase,
    StationState,
    least_bad,
)
from broadcaster.domain.loudspeaker import Trouble
from broadcaster.errors import StoreError
from broadcaster.orders.device import PlayReport, PlayState
from broadcaster.orders.health import Amplifier, Heard
from broadcaster.orders.topics import Device
from broadcaster.orders.verify import Refusal
from broadcaster.services import adjustments, attending, enrolment, inbox, source_reports
from broadcaster.services.outcomes import Outcomes, for_each, tell
from broadcaster.store import airings, journal
from broadcaster.store import plays as rows
from broadcaster.store.device_tables import DeviceMessageRow, LoudspeakerRow
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.play_tables import PlayRow
from broadcaster.store.tables import AiringRow, DeliveryRow

T = TypeVar("T")

_TOLERANCE = timedelta(seconds=2)  # of clocks that are set while something plays, and of decoders
_AT_ONCE = 500
_UNASKED = 20
"""Reports that are acted on before anybody asks whether something is urgent."""
_FARTHEST_MS = 120_000
"""A loudspeaker whose clock is further off plays nothing by it."""
_OF_REPORT: Mapping[PlayState, StationState] = {
    PlayState.ACCEPTED: StationState.ACCEPTED,
    PlayState.READY: StationState.ACCEPTED,
    PlayState.STARTED: StationState.STARTED,
    PlayState.FINISHED: StationState.FINISHED,
    PlayState.REFUSED: StationState.REFUSED,
    PlayState.STOPPED: StationState.STOPPED,
    PlayState.CANCELLED: StationState.RECALLED,
}
_OF_CLIP = frozenset({Refusal.CLIP_MISSING, Refusal.CLIP_DAMAGED})
_SOUNDED = (StationState.STARTED, StationState.FINISHED, StationState.SILENT)
_HEARD = frozenset({PlayState.STARTED, PlayState.FINISHED, PlayState.STOPPED})
"""What is true of an airing whichever order for it was obeyed."""


@dataclass(frozen=True, slots=True)
class Plays:
    store: Store
    outcomes: Outcomes

    def collect(self, now: datetime, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Act on what has come into the inbox, once each. Raises StoreError.

        What is left when something is urgent, asked for from time to time, waits for the next call.
        """
        with self.store.reading() as session:
            waiting = [(row, enrolment.known(session, _sender(row))) for row in inbox.untaken(session, _AT_ONCE)]
        # In the order in which each loudspeaker made them, whichever came first.
        ordered = sorted(waiting, key=lambda found: found[0].seq)
        for_each(_unless_urgent(ordered, is_urgent), lambda found: self._collect(*found, now))

    def _collect(self, row: DeviceMessageRow, loudspeaker: LoudspeakerRow | None, now: datetime) -> None:
        try:
            report = inbox.message(row)
            with self.store.writing() as session:
                if isinstance(report, PlayReport) and report.airing is not None and loudspeaker is not None:
                    is_adjustment = adjustments.take(session, report)
                    if not is_adjustment:
                        self.take(session, report, loudspeaker.station, now)
                inbox.taken(session, [row], now)
        except StoreError:
            raise  # it waits for the next time
        except Exception:
            with self.store.writing() as session:  # else it would stand in the way of all others for ever
                inbox.taken(session, [row], now)
            raise

    def take(self, session: Session, report: PlayReport, station: str, now: datetime) -> None:
        """Take in one report of a loudspeaker that belongs to this station; `report.airing` names an airing."""
        row = session.get(AiringRow, report.airing, with_for_update=True)
        play = session.get(PlayRow, (report.airing, station, report.device.loudspeaker))
        if play is not None and _is_overtaken(report, play):
            _note_time(play, report)
            return
        if row is None or play is None or not _is_possible(report, row, play):
            self._ignore(session, report, row, station, now)
            return
        if report.order != play.number and report.state not in _HEARD:
            return  # of an order that another has replaced since
        _note(play, report, now)
        _attend(session, report, play, now)
        if row.phase is Phase.ENDED:
            self._tell_late(session, row, play, now)
        else:
            self._carry(session, row, station, report, now)

    def _carry(self, session: Session, row: AiringRow, station: str, report: PlayReport, now: datetime) -> None:
        """What follows for the station's part, and for the airing."""
        part = session.get_one(DeliveryRow, (row.id, station))
        if part.state not in OPEN_STATION_STATES:
            return
        found = [play for play in rows.of_airing(session, row.id) if play.station == station]
        starts = [play.started_at for play in found if play.started_at is not None]
        if starts and part.state is not StationState.STARTED:
            part.state, part.started_at = StationState.STARTED, min(starts)
            self.outcomes.started(session, row, station, min(starts), now)
        if any(play.state in OPEN_STATION_STATES for play in found):
            return
        part.state = least_bad(play.state for play in found)
        part.detail = _told(found)
        part.ended_at = max((play.ended_at for play in found if play.ended_at is not None), default=report.at)
        part.position_s = max(play.position_s or 0.0 for play in found)
        if all(other.state not in OPEN_STATION_STATES for other in airings.deliveries(session, row.id)):
            self.outcomes.conclude(session, row, now)

    def _tell_late(self, session: Session, row: AiringRow, play: PlayRow, now: datetime) -> None:
        """The outcome stays as it was given; that somebody has heard it all the same stands beside it."""
        if play.state not in _SOUNDED:
            return
        data = {"station": play.station, "loudspeaker": play.loudspeaker, "state": play.state, "code": play.code}
        tell(session, self.outcomes.actor, Action.PLAY_REPORTED_LATE, row, now, **data)
        source_reports.queue(session, self.outcomes.stations, row, now)

    def _ignore(self, session: Session, report: PlayReport, row: AiringRow | None, station: str, now: datetime) -> None:
        journal.append(
            session,
            chain=report.device.commune,
            action=Action.REPORT_IGNORED,
            now=now,
            actor=self.outcomes.actor,
            subject=row.id if row is not None else report.device.user,
            data={
                "station": station,
                "loudspeaker": report.device.loudspeaker,
                "airing": report.airing,
                "state": report.state,
                "code": report.code,
                "at": report.at,
            },
        )


def _sender(row: DeviceMessageRow) -> Device:
    return Device(row.commune, row.loudspeaker)


def _is_possible(report: PlayReport, row: AiringRow, play: PlayRow) -> bool:
    """Whether a loudspeaker can have come this far: in this order, not before its time, not sooner than it takes."""
    after, known = _after(report, play), play.state
    is_step = after in STATION_TRANSITIONS[known] or (after is known is StationState.ACCEPTED)
    if report.state is PlayState.STARTED:
        is_overtaken = play.started_at is None and play.ended_at is not None  # by its own end
        return (is_step or is_overtaken) and _by_our_clock(report) >= _start(row) - _TOLERANCE
    if not is_step:
        return False
    if report.state is PlayState.FINISHED:
        begun, length = play.started_at or _start(row), row.ends_at - row.due_at
        return report.at >= begun + length - min(_TOLERANCE, length / 4)
    return play.started_at is None or report.at >= play.started_at


def _by_our_clock(report: PlayReport) -> datetime:
    """When it was, where the loudspeaker knows how far its clock is from the server's: what is meant at once starts by
    no clock, and so may seem to start too soon."""
    offset_ms = report.clock_offset_ms or 0
    return report.at - timedelta(milliseconds=max(-_FARTHEST_MS, min(_FARTHEST_MS, offset_ms)))


def _start(row: AiringRow) -> datetime:
    return row.starts_at or row.due_at


def _after(report: PlayReport, play: PlayRow) -> StationState:
    """What a report makes of a play. To the end without a sound, or with a broken amplifier, is not heard."""
    if report.state is PlayState.FINISHED and (report.sound is Heard.SILENT or report.amplifier is Amplifier.FAULT):
        return StationState.SILENT
    if report.state is PlayState.STOPPED and play.started_at is None and report.position_s <= 0:
        return StationState.RECALLED
    return _OF_REPORT[report.state]


def _note(play: PlayRow, report: PlayReport, now: datetime) -> None:
    if report.state is not PlayState.STARTED or play.ended_at is None:
        play.state = _after(report, play)
    play.code = report.code
    play.clock_offset_ms, play.volume = report.clock_offset_ms, report.volume
    play.sound, play.amplifier, play.reported_at = report.sound, report.amplifier, now
    _note_time(play, report)


def _is_overtaken(report: PlayReport, play: PlayRow) -> bool:
    """Whether a report comes after one that was made later: what it says is known, but for the time."""
    is_early = report.state in {PlayState.ACCEPTED, PlayState.READY}
    return is_early and report.order == play.number and (play.started_at is not None or play.ended_at is not None)


def _note_time(play: PlayRow, report: PlayReport) -> None:
    if report.state is PlayState.ACCEPTED:
        play.accepted_at = report.at
    elif report.state is PlayState.READY:
        play.ready_at = report.at
    elif report.state is PlayState.STARTED:
        play.started_at = report.at
    else:
        play.ended_at, play.position_s = report.at, report.position_s


def _attend(session: Session, report: PlayReport, play: PlayRow, now: datetime) -> None:
    """What a play shows of the loudspeaker itself."""
    if play.state is StationState.SILENT:
        attending.open_fault(session, report.device, Trouble.SILENT, report.airing or "", now)
    elif report.sound is Heard.HEARD:
        attending.clear(session, report.device, Trouble.SILENT, now)
    if report.state is PlayState.REFUSED and report.code in _OF_CLIP:
        attending.open_fault(session, report.device, Trouble.CLIP, report.code, now)
    elif report.state is PlayState.READY:
        attending.clear(session, report.device, Trouble.CLIP, now)


def _told(plays: Sequence[PlayRow]) -> str:
    """Which loudspeakers of a station did not play to the end, and why."""
    missing = [play for play in plays if play.state is not StationState.FINISHED]
    return ", ".join(f"{play.loudspeaker}: {play.code or play.state}" for play in missing)


def _unless_urgent(items: Sequence[T], is_urgent: Callable[[], bool]) -> Iterator[T]:
    for number, item in enumerate(items, start=1):
        yield item
        if number % _UNASKED == 0 and is_urgent():
            return
