"""The worker's ear: the MQTT broker that it runs, where it does, its connection, and the talk with the loudspeakers.

All of it begins with the first station of loudspeakers: who has none opens no port. A thread of its own, so that no
airing waits for what thousands of loudspeakers say at once.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from broadcaster import clock
from broadcaster.application import Application, State, Status
from broadcaster.broker.secret import SERVER_USER, server_password
from broadcaster.connectors import mqtt_link
from broadcaster.connectors.mqtt_link import BrokerAddress, Link
from broadcaster.errors import BroadcasterError
from broadcaster.services import enrolment
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.conversing import Conversing
from broadcaster.services.ordering import Signer
from broadcaster.services.precedence import Precedence
from broadcaster.services.reminding import Reminding
from broadcaster.store import communes as places

if TYPE_CHECKING:
    from broadcaster.broker.embedded import EmbeddedBroker

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_LOOK_S = 1.0
"""Between two looks for loudspeakers that have fallen silent, and for a first station."""
AGAIN_S = 10.0
"""Between two attempts to start the broker: another program may hold its port."""
_BREATH_S = 0.02
"""So long messages gather, so that many share one transaction."""


class Listening:
    """`start` returns at once; `stop` may be called without it."""

    def __init__(
        self, application: Application, signer: Signer, on_failure: Callable[[str, tuple[str, ...], Exception], None],
        precedence: Precedence,
    ) -> None:  # fmt: skip
        self._application = application
        self._precedence = precedence
        self._signer = signer
        self._on_failure = on_failure
        self._broker: EmbeddedBroker | None = None
        self._link: Link | None = None
        self._start_fault: BroadcasterError | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def status(self) -> list[Status]:
        """How the broker is; nothing where no station needs it."""
        link = self._link
        fault = self._start_fault if link is None else link.fault
        if link is None and fault is None:
            return []
        return [Status("broker", State.READY if fault is None else State.FAILING, fault)]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The broker goes last: what the worker still says must get out."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)
        mqtt_link.close()
        if self._broker is not None:
            self._broker.stop()

    def _run(self) -> None:
        link = self._connected()
        if link is None:
            return
        store, acknowledging = self._application.store, Acknowledging(self._signer)
        conversing = Conversing(store, acknowledging, link, self._precedence)
        reminding = Reminding(store, acknowledging, link, self._application.config.timetable.quiet_hours)
        while not self._is_over.is_set():
            if link.wait_for_news(_LOOK_S, conversing.generation):
                self._is_over.wait(_BREATH_S)
            try:
                conversing.run(clock.now())
                reminding.run(clock.now())
            except Exception as error:  # what was said comes again: it was not acknowledged
                log.exception("Loudspeakers were not heard.", extra={"action": "listening_failed"})
                self._on_failure("listen", (), error)
                self._is_over.wait(_LOOK_S)

    def _connected(self) -> Link | None:
        """The connection, once there is a station that needs it; None where the worker ends before."""
        while not self._is_over.is_set():
            try:
                if self._is_needed():
                    self._start_broker()
                    self._link = mqtt_link.use(self._address())
                    return self._link
                self._is_over.wait(_LOOK_S)
            except Exception as error:
                fault = error if isinstance(error, BroadcasterError) else BroadcasterError("{error}", error=error)
                if str(fault) != str(self._start_fault):  # the same trouble at every attempt is told once
                    log.error("The MQTT broker cannot be used.", exc_info=error, extra={"action": "broker_failed"})
                    self._on_failure("broker", (), error)
                self._start_fault = fault
                self._is_over.wait(AGAIN_S)
        return None

    def _start_broker(self) -> None:
        settings = self._application.config.broker
        if settings.embedded and self._broker is None:
            from broadcaster.broker.embedded import EmbeddedBroker  # noqa: PLC0415 - a fifth of a second, for some only

            broker = EmbeddedBroker(settings.host, settings.port, self._password, self._hash_of, self._hashes)
            broker.start()
            self._broker = broker
        self._start_fault = None

    def _address(self) -> BrokerAddress:
        settings = self._application.config.broker
        return BrokerAddress(settings.host, settings.port, settings.tls_ca, SERVER_USER, self._password)

    @property
    def _password(self) -> str:
        return server_password(self._application.config.data_folder)

    def _hash_of(self, user: str) -> str | None:
        with self._application.store.reading() as session:
            return enrolment.password_hash(session, user)

    def _hashes(self) -> Mapping[str, str]:
        with self._application.store.reading() as session:
            return enrolment.credentials(session)

    def _is_needed(self) -> bool:
        with self._application.store.reading() as session:
            return places.has_connector(session, "mqtt")
