"""The outcome that follows from how far an airing's stations, and their loudspeakers, came."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from broadcaster.domain.airing import OPEN_STATION_STATES, Reason, StationState, Verdict, evidence_of, verdict
from broadcaster.services.stations import Stations
from broadcaster.store import airings, plays
from broadcaster.store import communes as places
from broadcaster.store.play_tables import PlayRow
from broadcaster.store.tables import AiringRow, DeliveryRow

_NEVER_SENT = (StationState.FAILED, StationState.UNSIGNED)
_SILENCED = (StationState.STOPPED, StationState.RECALLED)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What an outcome is made of: the part of one loudspeaker, or of a station that does not tell them apart."""

    name: str
    station: str
    state: StationState
    has_started: bool


def found(session: Session, row: AiringRow, connected: Stations, lost: Reason | None) -> Verdict:
    """The verdict on an airing of which nothing more is expected, with how it is known.

    A station's evidence is bounded by what its connector can give, as far as the station is still there.
    """
    pieces = list(_pieces(airings.deliveries(session, row.id), plays.of_airing(session, row.id)))
    stations = {station.code: station for station in places.stations(session, {row.commune}).get(row.commune, [])}
    evidence = {}
    for piece in pieces:
        capabilities = connected.capabilities(stations.get(piece.station))
        if capabilities is not None:
            evidence[piece.name] = evidence_of(piece.state, capabilities.evidence, has_started=piece.has_started)
    return verdict({piece.name: piece.state for piece in pieces}, lost, evidence)


def _pieces(parts: Iterable[DeliveryRow], played: Sequence[PlayRow]) -> Iterator[_Piece]:
    for part in parts:
        own = [play for play in played if play.station == part.station and part.state not in _NEVER_SENT]
        for play in own:
            # A station that was silenced has silenced those of which nothing is known, too.
            is_silenced = part.state in _SILENCED and play.state in OPEN_STATION_STATES
            # So is the word of one that cannot confirm: it is taken for those that have said nothing.
            is_believed = part.state is StationState.UNCONFIRMED and play.state in OPEN_STATION_STATES
            state = part.state if is_silenced or is_believed else play.state
            yield _Piece(f"{part.station}/{play.loudspeaker}", part.station, state, play.started_at is not None)
        if not own:
            yield _Piece(part.station, part.station, part.state, part.started_at is not None)
