"""Where bulletins are heard: communes, their stations, and the mode a station is in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """A live station is heard by residents; a station in test mode is virtual or a rehearsal."""

    LIVE = "live"
    TEST = "test"


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
    zones: Sequence[str] = ()
    """Where it is heard; none named: in the whole commune."""


def airing_mode(stations: Sequence[Station], *, is_rehearsal: bool) -> Mode:
    """The mode of an airing in a commune with these stations: test for rehearsals, and where no station is live."""
    is_live = not is_rehearsal and any(station.mode is Mode.LIVE for station in stations)
    return Mode.LIVE if is_live else Mode.TEST
