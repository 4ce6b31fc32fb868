"""The table of plays: what each loudspeaker reported of each airing."""

import builtins
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.airing import StationState
from broadcaster.orders.health import Amplifier, Heard
from broadcaster.store.columns import Word
from broadcaster.store.tables import Row


class PlayRow(Row):
    """The part of one loudspeaker in one airing. Made as its station's order is signed, kept up by its own reports.

    Times are by the loudspeaker's clock, `clock_offset_ms` is how far that is ahead of the server's, as it knew when it
    reported last. The signed reports themselves are kept beside this, in `device_messages`.
    """

    __tablename__ = "plays"
    airing: Mapped[str] = mapped_column(ForeignKey("airings.id"), primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("stations.code"), primary_key=True)
    loudspeaker: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)  # the order's
    state: Mapped[StationState]
    code: Mapped[str] = mapped_column(String(64), default="")
    accepted_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]  # its clip is there, whole and right
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    position_s: Mapped[float | None]
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)
    sound: Mapped[Heard] = mapped_column(Word(Heard), default=Heard.UNKNOWN)
    amplifier: Mapped[Amplifier] = mapped_column(Word(Amplifier), default=Amplifier.UNKNOWN)
    volume: Mapped[builtins.int | None]
    reported_at: Mapped[datetime | None]  # when its newest report came in, by the server's clock
