"""A province's source system (hệ thống thông tin nguồn), asked to have a commune's clusters play a bulletin; it gives
the commune bulletins of its own, and is told what aired.

The messages are those seen in public device and client code, not in an official annex: REST and JSON, every value a
text. What a province names otherwise is configuration (`fields`, `paths`); the codes are known to `source_words` alone.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from broadcaster import clock, reach
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.remote import Poller, clip_address, is_airing, is_unsure, talking_to
from broadcaster.connectors.source_client import Bearer, SourceClient, SourceSystemConfig, asking
from broadcaster.connectors.source_words import (
    AUDIO,
    GENERAL,
    OURS,
    PRIORITIES,
    airing_entry,
    clock_length,
    destination,
    epoch,
    incoming,
)
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.domain.source import ClusterAiring, Incoming, Receiving
from broadcaster.net import NetError

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=1)
SOUND_S = 300.0
"""As long may fetching the sound of a bulletin take in all."""
_AT_ONCE, _AFTER_A_WHILE = "1", "2"


class SourceSystemConnector:
    """Its log has an entry for each cluster at its start, and none at its end. `reads_log: false`: there is no log."""

    Config = SourceSystemConfig

    def __init__(self, station: Station, config: SourceSystemConfig) -> None:
        self._station = station
        self._config = config
        self._client = SourceClient(config)
        self._names = self._client.names
        self._poller = Poller(station.code, self._read_log if config.reads_log else None, config.poll_s)
        self._given: set[str] = set()
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=config.reads_log, confirms_finish=False, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=config.grade,
            evidence=Evidence.STARTED if config.reads_log else Evidence.ACCEPTED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        with talking_to(self._station.code):
            try:
                answer = self._client.ask(self._config.paths.add, self._playlist(order))
            except NetError as error:
                if is_unsure(error):
                    self._withdraw(order.airing)
                raise
        if self._client.is_ok(answer):
            self._given.add(order.airing)
        else:
            code = self._client.message(answer)
            self._poller.add(Report(order.airing, order.station, ReportState.REFUSED, clock.now(), 0.0, code))

    def reports(self) -> list[Report]:
        return self._poller.reports()

    def stop(self, airing: str) -> None:
        if not is_airing(airing):
            return
        with talking_to(self._station.code):
            answer = self._client.ask(self._config.paths.delete, {self._names["playlist"]: OURS + airing})
            if not self._client.is_ok(answer) and airing in self._given:
                raise self._client.refusal(answer)
        self._given.discard(airing)
        self._poller.forget(airing)

    def _withdraw(self, airing: str) -> None:
        """Take back what may have arrived, as well as may be."""
        try:
            self._client.ask(self._config.paths.delete, {self._names["playlist"]: OURS + airing})
        except NetError as error:
            ids = {"airing": airing, "station": self._station.code, "error": str(error)}
            log.error("An order was not taken back.", extra={"action": "recall_failed", **ids})

    @property
    def receives(self) -> Receiving | None:
        """What becomes of the bulletins that it gives; None where none are asked for.

        Over a way that anyone could speak on (grade C), nothing it says counts as a person's asking.
        """
        wanted = self._config.receives
        if wanted is None:
            return None
        return Receiving(
            source=wanted.source, language=wanted.language, days=wanted.days, every=timedelta(seconds=wanted.every_s),
            overrides_quiet=wanted.overrides_quiet, is_trusted=self._config.grade is not Grade.C,
        )  # fmt: skip

    def bulletins(self) -> list[Incoming]:
        """What it lists for this commune, each id once. Raises DeliveryError."""
        wanted = self._config.receives
        if wanted is None:
            return []
        since = epoch(clock.now() - timedelta(days=wanted.look_back_days))
        with asking(self._station.code):
            answer = self._client.ask(self._config.paths.bulletins, {self._names["since"]: since})
            entries = answer.get(self._names["content"])
            if not self._client.is_ok(answer):
                raise self._client.refusal(answer)
            if not isinstance(entries, list):
                raise self._client.odd_answer()
        found = {entry.key: entry for entry in map(self.read, entries)}
        ours = set(wanted.destinations)
        return [entry for entry in found.values() if not ours or destination(self._names, entry) in ours]

    def read(self, message: Mapping[str, object]) -> Incoming:
        return incoming(self._names, message)

    def sound(self, url: str, limit_bytes: int) -> bytes:
        """The sound of a bulletin, from where stations may be; the token is not shown there. Raises DeliveryError."""
        timeout_s = self._config.timeout_s
        with (
            asking(self._station.code),
            reach.Session(connect_s=timeout_s, read_s=timeout_s, total_s=SOUND_S, limit_bytes=limit_bytes) as session,
        ):
            return session.get(url, auth=Bearer("")).content

    @property
    def reports_airings(self) -> bool:
        return self._config.reports

    def cluster_of(self, station: str, loudspeaker: str) -> str:
        """The id by which it knows a loudspeaker of ours, or a station that has no loudspeakers of its own."""
        own = loudspeaker or station
        return self._config.report_as.get(own, own)

    def clusters_of(self, station: str) -> list[str] | None:
        """Of its own, its log tells it by itself, where it has one."""
        if station != self._station.code:
            return None
        return [] if self._config.reads_log else self._config.clusters

    def report(self, airing: ClusterAiring) -> None:
        """Tell it that a cluster played. Raises DeliveryError; permanent where it understood and will not have it."""
        with asking(self._station.code):
            answer = self._client.ask(self._config.paths.report, airing_entry(self._names, airing))
            if not self._client.is_ok(answer):
                raise self._client.refusal(answer)

    def check(self) -> None:
        with talking_to(self._station.code):
            answer = self._client.ask(self._config.paths.ping, {})
            if not self._client.is_ok(answer):
                raise self._client.refusal(answer)

    def close(self) -> None:
        self._poller.close()

    def _playlist(self, order: Order) -> dict[str, object]:
        """One date with one time and one bulletin, for all clusters of the station."""
        name = self._names
        bulletin = {
            name["bulletin"]: OURS + order.airing,
            name["title"]: order.title,
            name["kind"]: AUDIO,
            name["priority"]: PRIORITIES[order.priority],
            name["field"]: GENERAL,
            name["summary"]: order.title,
            name["audio"]: clip_address(self._config.clip_url, order),
            name["duration"]: clock_length(order.duration_ms),
            name["produced_at"]: epoch(clock.now()),
            name["repeat_kind"]: _AFTER_A_WHILE if order.gap_s else _AT_ONCE,
            name["repeat_after"]: f"{order.gap_s:.0f}",
            name["repeats"]: str(order.repeats - 1),
        }
        time = {
            name["start"]: epoch(order.start),
            name["end"]: epoch(order.start + order.length),
            name["bulletins"]: [bulletin],
        }
        return {
            name["playlist"]: OURS + order.airing,
            name["clusters"]: {name["cluster"]: self._config.clusters},
            name["dates"]: [{name["date"]: epoch(order.start), name["times"]: [time]}],
        }

    def _read_log(self) -> Iterator[Report]:
        """A start for each airing of ours, as the first cluster tells it."""
        name = self._names
        since = epoch(clock.now() - LOOK_BACK)
        answer = self._client.ask(self._config.paths.log, {name["since"]: since})
        entries = answer.get(name["content"])
        for entry in entries if isinstance(entries, list) else []:
            try:
                airing, at = str(entry[name["bulletin"]]), datetime.fromtimestamp(int(entry[name["started_at"]]), UTC)
            except (TypeError, KeyError, ValueError, OverflowError, OSError) as error:
                extra = {"action": "report_unreadable", "station": self._station.code, "error": repr(error)}
                log.warning("An entry of a source system's log cannot be read.", extra=extra)
                continue
            if airing.startswith(OURS):
                yield Report(airing.removeprefix(OURS), self._station.code, ReportState.STARTED, at)
