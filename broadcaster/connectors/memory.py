"""A station that only remembers: for tests and dry runs. It plays nothing and reports what it is told to."""

from collections import deque

from broadcaster.connectors.base import Capabilities
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import DeliveryError
from broadcaster.strict_yaml import Strict


class MemoryConnector:
    """`answer: finished` reports each order as started when due and finished at its end; `refused` refuses it;
    `unreachable` fails the delivery; `silent` accepts and reports nothing."""

    class Config(Strict):
        answer: str = "finished"

    capabilities = Capabilities(
        holds_orders=True, confirms_start=True, confirms_finish=True, can_stop=True, plays_here=False, lead_s=60.0,
        grade=Grade.B,
    )  # fmt: skip

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._config = config
        self.orders: dict[str, Order] = {}
        self.stopped: list[str] = []
        self._reports: deque[Report] = deque()

    def deliver(self, order: Order) -> None:
        if self._config.answer == "unreachable":
            raise DeliveryError("Station {station} does not answer.", is_permanent=False, station=self._station.code)
        if order.airing in self.orders:
            return
        self.orders[order.airing] = order
        if self._config.answer == "finished":
            end = order.start.timestamp() + order.length.total_seconds()
            self._report(order, ReportState.STARTED, order.start.timestamp(), 0.0)
            self._report(order, ReportState.FINISHED, end, order.length.total_seconds())
        elif self._config.answer == "refused":
            self._report(order, ReportState.REFUSED, order.start.timestamp(), 0.0, "refused_by_test")

    def reports(self) -> list[Report]:
        found = list(self._reports)
        self._reports.clear()
        return found

    def stop(self, airing: str) -> None:
        self.stopped.append(airing)
        self.orders.pop(airing, None)
        self._reports = deque(report for report in self._reports if report.airing != airing)

    def check(self) -> None:
        """Always usable."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _report(self, order: Order, state: ReportState, at_s: float, position_s: float, code: str = "") -> None:
        at = order.start.fromtimestamp(at_s, order.start.tzinfo)
        self._reports.append(Report(order.airing, order.station, state, at, position_s, code))
