"""Alerts, in a thread of their own: a mail server that hangs delays no airing, and no worker that is to end."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from broadcaster import clock
from broadcaster.application import Application, State, Status
from broadcaster.services import alert_watch, alerts
from broadcaster.services.alert_queue import Queue

log = logging.getLogger(__name__)

_FAULTS = (State.FAILING, State.MISCONFIGURED)
_KEYS_EVERY = timedelta(hours=1)
_PATIENCE_S = 1.0


class Alerting:
    """`wake` makes it look at what is to be done; it returns at once, and may be called by any thread."""

    def __init__(
        self,
        application: Application,
        on_failure: Callable[[str, tuple[str, ...], Exception], None],
        of_worker: Callable[[], Sequence[Status]] = lambda: (),
    ) -> None:
        """`of_worker`: how the parts are that only the worker itself has."""
        self._application = application
        self._of_worker = of_worker
        self._settings = application.config.alerts
        self._on_failure = on_failure
        self._queue = Queue(application.store, application.recipients(), application.program())
        self._woken = threading.Event()
        self._is_over = threading.Event()
        self._watched_at = clock.now()  # what fails already at the start, the person who starts it is told
        self._keys_watched_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="alerting", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """What is being sent may take longer than one can wait: it is then sent again after the next start."""
        self._is_over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            for name, step in (("watch", self._watch), ("alerts", self._send)):
                if self._is_over.is_set():
                    return
                try:
                    step()
                except Exception as error:  # one step's failure is journalled and must not end the others
                    log.exception("A step of the alerts failed.", extra={"action": "alerting_failed", "step": name})
                    self._on_failure(name, (), error)

    def _watch(self) -> None:
        now, every = clock.now(), timedelta(seconds=self._settings.watch_every_s)
        if abs(now - self._watched_at) < every:
            return
        self._watched_at = now
        found = [
            (status.component, status.fault if status.state in _FAULTS else None)
            for status in (*self._application.own_statuses(), *self._of_worker())
        ]
        store = self._application.store
        alert_watch.watch_components(store, found, now)
        if self._keys_watched_at is None or abs(now - self._keys_watched_at) >= _KEYS_EVERY:
            alert_watch.watch_keys(store, self._application.keys_folder, now, is_over=self._is_over.is_set)
            self._keys_watched_at = now
        with store.writing() as session:
            alerts.forget(session, now, timedelta(days=self._settings.keep_days))

    def _send(self) -> None:
        self._queue.send(clock.now(), is_over=self._is_over.is_set)
