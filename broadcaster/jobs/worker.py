"""The worker: one per database. Plans, renders ahead, hands over, follows what airs, and settles after a restart."""

import logging
import threading
from collections import Counter
from functools import partial

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.jobs.alerting import Alerting
from broadcaster.jobs.listening import Listening
from broadcaster.jobs.metronome import Metronome
from broadcaster.jobs.runner import Job, LocalRunner
from broadcaster.jobs.sourcing import Sourcing
from broadcaster.services import bulletins, planning, rendering
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.outcomes import OnEnd
from broadcaster.services.plays import Plays
from broadcaster.services.precedence import Precedence
from broadcaster.services.visiting import Answering
from broadcaster.store import airings, journal, schema
from broadcaster.store.journal import Action
from broadcaster.store.lock import worker_lock

log = logging.getLogger(__name__)

_STOP_EVERY_S = 0.2


class Worker:
    """`start` returns when it is up; `stop` silences what plays here and returns within seconds.

    `on_end` is told of every airing that got its outcome.
    """

    def __init__(self, application: Application, on_end: OnEnd = lambda _: None) -> None:
        settings = application.config.worker
        self._application = application
        self._actor = application.program()
        self._hand_over = application.hand_over(on_end)
        self._outcomes = self._hand_over.outcomes
        self._plays = Plays(application.store, self._outcomes)
        self._answering = Answering(application.store, Acknowledging(self._hand_over.signer))
        self._lock = worker_lock(application.store, application.worker_lock)
        jobs: dict[str, Job] = {"plan": self.plan, "render": self._render, "prune": self._prune}
        self._runner = LocalRunner(jobs, threads=2, on_failure=self._count_failure)
        self._missed: Counter[str] = Counter()
        self._troubles: Counter[str] = Counter()
        self._precedence = Precedence()
        self._asking = threading.Lock()
        self.listening = Listening(application, self._hand_over.signer, self._count_failure, self._precedence)
        self._alerting = Alerting(application, self._count_failure, self.listening.status)
        self._sourcing = Sourcing(application, self._outcomes.stations, self._count_failure)
        self._metronome = Metronome(settings.misfire_grace_s)
        self._metronome.every(settings.plan_every_s, "plan", self._tick_plan)
        self._metronome.every(settings.render_every_s, "render", self._tick_render)
        self._metronome.every(settings.air_every_s, "air", self._tick_air)
        self._metronome.every(min(_STOP_EVERY_S, settings.air_every_s), "stop", self._tick_stop)
        self._metronome.every(application.config.alerts.send_every_s, "alerts", self._alerting.wake)
        self._metronome.every(settings.source_every_s, "sources", self._sourcing.wake)
        self._metronome.every(application.config.storage.prune_every_s, "prune", partial(self._runner.submit, "prune"))

    def start(self) -> None:
        """Raises StoreError where the database cannot be used or another worker has it."""
        schema.check(self._application.store)
        self._lock.acquire()
        now = clock.now()
        self._outcomes.settle(now)
        self._journal(Action.WORKER_STARTED)
        self.plan()
        self._alerting.start()
        self._sourcing.start()
        self.listening.start()
        self._metronome.start()

    def stop(self) -> None:
        """Raises StoreError where the database is away; what plays here is silent all the same."""
        self._metronome.stop()
        self._alerting.stop()
        self._sourcing.stop()
        self._application.children.close()
        self._runner.close()
        self._hand_over.dispatch.close()
        try:
            self._outcomes.stop(clock.now())
            self._journal_troubles()
            self._journal(Action.WORKER_STOPPED)
        finally:
            self.listening.stop()
            self._lock.release()

    def _tick_plan(self) -> None:
        self._runner.submit("plan")
        self._journal_troubles()

    def _tick_render(self) -> None:
        with self._application.store.reading() as session:
            waiting = rendering.unrendered(session)
        for clip in waiting:
            self._runner.submit("render", clip)

    def _tick_air(self) -> None:
        """One thread does all of it, so that what an airing goes through happens in order."""
        try:
            if not self._is_ours():
                return  # the database went away, and another worker may have taken over
            self._outcomes.collect(clock.now())
            self._hand_over.receipts.run(clock.now())
            self._plays.collect(clock.now(), self._is_emergency)
            self._answering.run(clock.now())
            with self._precedence:
                self._hand_over.recall(clock.now())
                self._hand_over.run(clock.now())
            self._outcomes.sweep(clock.now())
        except Exception as error:
            log.exception("Airing failed.", extra={"action": "air_failed"})
            self._count_failure("air", (), error)

    def _tick_stop(self) -> None:
        """In a thread of its own: silence waits neither for what airs nor for what was reported of it."""
        try:
            if self._is_ours():
                with self._precedence:
                    self._hand_over.latching.run(clock.now())
        except Exception as error:
            log.exception("Stopping failed.", extra={"action": "stop_failed"})
            self._count_failure("stop", (), error)

    def _is_ours(self) -> bool:
        with self._asking:
            return self._lock.is_held()

    def _is_emergency(self) -> bool:
        """Whether something has to air at once."""
        with self._application.store.reading() as session:
            return bool(airings.emergencies_due(session, clock.now()))

    def plan(self) -> None:
        """Bring the plan up to date now rather than with the next tick."""
        now = clock.now()
        bulletins.expire(self._application.store, self._actor, now)
        planning.plan(self._application.store, self._application.config, self._actor, now)

    def _render(self, clip: str) -> None:
        rendering.render(self._application.store, self._application.studio, clip, self._actor, clock.now())

    def _count_failure(self, job: str, ids: tuple[str, ...], error: Exception) -> None:
        self._troubles[" ".join((job, *ids, repr(error)))] += 1

    def _prune(self) -> None:
        self._application.storage.prune(self._application.store, clock.now())

    def _journal_troubles(self) -> None:
        """Journal what was missed or failed since the last time, counted: the same trouble can come twice a second."""
        self._missed.update(self._metronome.missed())
        for action, counts in ((Action.TICK_MISSED, self._missed), (Action.JOB_FAILED, self._troubles)):
            counted = dict(counts)
            if counted:
                self._journal(action, **counted)
                counts.subtract(counted)  # only now, and only these: another thread may have counted on
                for name in [name for name, count in counts.items() if not count]:
                    del counts[name]

    def _journal(self, action: Action, **counted: object) -> None:
        with self._application.store.writing() as session:
            journal.append(
                session,
                chain=journal.SYSTEM,
                action=action,
                now=clock.now(),
                actor=self._actor,
                subject="worker",
                data=counted,
            )
