"""The talk with source systems, in a thread of its own: one that hangs delays no airing and no end of the worker."""

import logging
import threading
from collections.abc import Callable

from broadcaster import clock
from broadcaster.application import Application, os_user
from broadcaster.services.source_receiving import SourceDesk
from broadcaster.services.source_reports import Reporting
from broadcaster.services.stations import Stations

log = logging.getLogger(__name__)

_PATIENCE_S = 1.0


class Sourcing:
    """`wake` makes it look at what is to be done; it returns at once, and may be called by any thread."""

    def __init__(
        self,
        application: Application,
        stations: Stations,
        on_failure: Callable[[str, tuple[str, ...], Exception], None],
    ) -> None:
        store = application.store
        self._on_failure = on_failure
        self._desk = SourceDesk(store, stations, application.recordings, application.desk, os_user())
        self._reporting = Reporting(store, stations, application.program())
        self._woken = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sourcing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """What is under way may take longer than one can wait: it is done again after the next start."""
        self._is_over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            for name, step in (("receive", self._desk.run), ("report", self._reporting.send)):
                if self._is_over.is_set():
                    return
                try:
                    step(clock.now(), is_over=self._is_over.is_set)
                except Exception as error:  # one step's failure is journalled and must not end the other
                    log.exception("A step of source systems failed.", extra={"action": "sourcing_failed", "step": name})
                    self._on_failure(name, (), error)
