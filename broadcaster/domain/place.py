"""Where bulletins are heard: communes, their stations, and the mode a station is in."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """A live station is heard by residents; a station in test mode is virtual or a rehearsal."""

    LIVE = "live"
    TEST = "test"


class Grade(StrEnum):
    """Who could make a station speak."""

    A = "A"
    """Only who holds a signing key: the loudspeaker verifies the signature of every order."""
    B = "B"
    """Only who has its own credential, over a protected way; or the account of this computer."""
    C = "C"
    """Anyone on its network."""


class Layer(StrEnum):
    """Whose pronunciations: a commune is nearer to its listeners than a source."""

    SOURCE = "source"
    COMMUNE = "commune"


@dataclass(frozen=True, slots=True)
class Station:
    """One broadcast system of a commune, reached by one connector."""

    code: str
    commune: str
    connector: str
    mode: Mode
    config: dict[str, object] = field(default_factory=dict)
    zones: Sequence[str] = field(default=(), compare=False)
    """Where it is heard; none named: in the whole commune. Another zone needs no other connector: see `Stations`."""

    def serves(self, zone: str) -> bool:
        """Whether it is heard in a zone of its commune."""
        return not self.zones or zone in self.zones


def zones_to_air_in(scheduled: Collection[str], permitted: Collection[str]) -> Collection[str] | None:
    """The zones in which a schedule airs, as it and the approval of its bulletin name them; none named: everywhere.

    None where the schedule asks for more than was approved.
    """
    if permitted and not set(scheduled) <= set(permitted):
        return None
    return scheduled or permitted


def heard_within(stations: Iterable[Station], zones: Collection[str], of_commune: Collection[str]) -> list[Station]:
    """The stations that are heard in these zones (none named: everywhere) and nowhere beyond.

    No connector reaches a part of a station, so one that is heard in other zones too is left out. `of_commune` are all
    zones of the commune, in which a station without zones of its own is heard.
    """
    wanted = set(zones)

    def is_within(station: Station) -> bool:
        heard = set(station.zones or of_commune)
        return bool(heard) and heard <= wanted

    return [station for station in stations if not wanted or is_within(station)]


def airing_mode(stations: Sequence[Station], *, is_rehearsal: bool) -> Mode:
    """The mode of an airing in a commune with these stations: test for rehearsals, and where no station is live."""
    is_live = not is_rehearsal and any(station.mode is Mode.LIVE for station in stations)
    return Mode.LIVE if is_live else Mode.TEST
