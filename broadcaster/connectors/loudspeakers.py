"""What the connectors share whose loudspeakers obey signed orders alone: their configuration, and two refusals."""

from typing import Annotated

from pydantic import Field as Setting
from pydantic import field_validator

from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.domain.order import Order
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.orders.strict_json import ID
from broadcaster.strict_yaml import Strict, problem

Id = Annotated[str, Setting(pattern=f"^{ID.pattern}$")]


class Loudspeakers(Strict):
    """Written by `broadcaster loudspeaker add` and `remove`."""

    loudspeakers: list[Id] = Setting([], max_length=MAX_PER_STATION)

    @field_validator("loudspeakers")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        twice = next((name for name in value if value.count(name) > 1), None)
        if twice is not None:
            raise problem("{name} stands here twice", name=twice)
        return value


def require_signed(order: Order, station: Station) -> None:
    """Raises DeliveryError."""
    if not order.envelope:
        raise DeliveryError("An order for {station} has to be signed.", is_permanent=True, station=station.code)


def unsigned_stop(station: Station, airing: str) -> BroadcasterError:
    """Why an airing cannot be stopped by a word alone."""
    return BroadcasterError(
        "The loudspeakers of {station} obey signed orders alone, also to stop {airing}.",
        station=station.code, airing=airing,
    )  # fmt: skip
