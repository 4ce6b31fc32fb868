"""Queries about plays."""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import StationState
from broadcaster.store.play_tables import PlayRow


def begin(session: Session, airing: str, station: str, loudspeakers: Iterable[str], number: int) -> None:
    """Expect reports of these loudspeakers, on the order with this number."""
    for loudspeaker in loudspeakers:
        session.add(
            PlayRow(
                airing=airing,
                station=station,
                loudspeaker=loudspeaker,
                number=number,
                state=StationState.SENDING,
                code="",
            )
        )


def of_airing(session: Session, airing: str) -> list[PlayRow]:
    query = select(PlayRow).where(PlayRow.airing == airing).order_by(PlayRow.station, PlayRow.loudspeaker)
    return list(session.scalars(query))


def forget(session: Session, airing: str) -> None:
    """Drop the plays of an airing that goes back to being planned."""
    session.execute(delete(PlayRow).where(PlayRow.airing == airing))
