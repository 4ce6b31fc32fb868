"""What every connector is: one file with its own Config, the capabilities it declares, and four verbs."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from broadcaster import strict_yaml
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.domain.source import ClusterAiring, Incoming, Receiving
from broadcaster.errors import BroadcasterError, InputError

KINDS = {
    "mqtt": "broadcaster.connectors.mqtt:MqttConnector",
    "folder": "broadcaster.connectors.folder:FolderConnector",
    "soundcard": "broadcaster.connectors.soundcard:SoundcardConnector",
    "axis": "broadcaster.connectors.axis:AxisConnector",
    "http": "broadcaster.connectors.http:HttpConnector",
    "source_system": "broadcaster.connectors.source_system:SourceSystemConnector",
    "memory": "broadcaster.connectors.memory:MemoryConnector",
}
"""kind -> module:Class, imported on use. A new connector adds its file and its line here."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do. The log's evidence and the outcome of silence follow from it.

    `lead_s` is how long before the due time an order should be handed over. `plays_here` says that the sound comes
    from this very process, or is started by it, and so dies with it; otherwise handing the same airing over twice must
    be harmless. `grade` says who could make it speak, `evidence` the most that can ever be known of an airing. Without
    `confirms_stop` an order that was taken back may be obeyed all the same: somebody may have carried it away.
    """

    holds_orders: bool
    confirms_start: bool
    confirms_finish: bool
    can_stop: bool
    plays_here: bool
    lead_s: float
    grade: Grade
    evidence: Evidence = Evidence.FINISHED
    confirms_stop: bool = True


class Connector(Protocol):
    """One station's connector. Safe to call from any thread; nothing here waits for the sound to end."""

    @property
    def capabilities(self) -> Capabilities: ...

    def deliver(self, order: Order) -> None:
        """Hand an order and its clip to the station. Raises DeliveryError."""

    def reports(self) -> list[Report]:
        """The reports that have come in since the last call."""

    def stop(self, airing: str) -> None:
        """Silence this airing, playing or waiting; a station that knows nothing of it stays as it is.

        What had not begun may be delivered again, for another time. Raises BroadcasterError.
        """

    def check(self) -> None:
        """Raise BroadcasterError where the station cannot be used as configured."""

    def close(self) -> None:
        """Silence everything and let go of threads and devices; reports that result can still be fetched."""


@runtime_checkable
class Signed(Connector, Protocol):
    """Its loudspeakers obey signed orders alone. What stops them has to be signed too, so `stop` raises."""

    def send(self, envelope: bytes, only: str | None = None) -> None:
        """Hand a signed cancel, stop, release, volume or test to all of the station, or to one of its loudspeakers.

        Raises DeliveryError.
        """


@runtime_checkable
class Carried(Signed, Protocol):
    """Its orders may be carried by hand: they are good for 8 days, and their clips lie beside them."""

    receipts: Path | None
    """The folder in which its loudspeakers leave what they report, where they do."""

    def clip_name(self, order: Order) -> str:
        """The name of the file with an order's clip, beside the order."""


@runtime_checkable
class Upstream(Connector, Protocol):
    """It gives the commune bulletins, and is told which clusters played what. All of it raises DeliveryError."""

    @property
    def receives(self) -> Receiving | None:
        """What becomes of the bulletins that it gives; None where none are asked for."""

    def bulletins(self) -> list[Incoming]:
        """What it has for this commune, each id once."""

    def read(self, message: Mapping[str, object]) -> Incoming:
        """What a message that it gave means. Raises nothing."""

    def sound(self, url: str, limit_bytes: int) -> bytes:
        """The bytes of a bulletin's sound: nothing is known of them yet."""

    @property
    def reports_airings(self) -> bool: ...

    def cluster_of(self, station: str, loudspeaker: str) -> str:
        """The id by which it knows a loudspeaker of ours, or (with none) a station."""

    def clusters_of(self, station: str) -> list[str] | None:
        """Its own clusters, as far as it has to be told of them, where they are that station; None for any other."""

    def report(self, airing: ClusterAiring) -> None:
        """Tell it that a cluster played; the error is permanent where it understood and will not have it."""


UPSTREAM = frozenset({"source_system"})
"""The kinds of which some stations are `Upstream`, so that no other has to be connected to be asked."""


def connect(station: Station) -> Connector:
    """The connector of a station. Raises InputError for an unknown kind or a configuration that does not fit."""
    kind = _kind(station)
    made_of = getattr(kind, "of", kind)  # a kind of which there are several
    connector: Connector = made_of(station, _config(station, kind))
    return connector


def check_configuration(station: Station) -> None:
    """Raise InputError for an unknown kind or a configuration that does not fit; touches nothing."""
    _config(station, _kind(station))


def _kind(station: Station) -> Any:
    if station.connector not in KINDS:
        raise InputError(
            "Station {station}: unknown connector {kind}. Known: {known}.",
            station=station.code,
            kind=station.connector,
            known=", ".join(KINDS),
        )
    module, _, name = KINDS[station.connector].partition(":")
    return getattr(importlib.import_module(module), name)


def _config(station: Station, kind: Any) -> Any:
    return strict_yaml.Document(f"station {station.code}", station.config, {}).validate(kind.Config)


def status(station: Station) -> BroadcasterError | None:
    """What keeps a station from being used as configured, or None."""
    try:
        connector = connect(station)
        try:
            connector.check()
        finally:
            connector.close()
    except BroadcasterError as error:
        return error
    return None
