"""The worker: one per database. Plans, renders ahead, hands over, follows what airs, and settles after a restart."""

import logging
from collections import Counter

from filelock import FileLock, Timeout

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.errors import StoreError
from broadcaster.jobs.metronome import Metronome
from broadcaster.jobs.runner import Job, LocalRunner
from broadcaster.services import bulletins, planning, rendering
from broadcaster.services.outcomes import OnEnd
from broadcaster.store import journal, schema
from broadcaster.store.journal import Action

log = logging.getLogger(__name__)


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
        self._lock = FileLock(application.worker_lock)
        jobs: dict[str, Job] = {"plan": self.plan, "render": self._render}
        self._runner = LocalRunner(jobs, threads=2, on_failure=self._count_failure)
        self._troubles: Counter[str] = Counter()
        self._metronome = Metronome(settings.misfire_grace_s)
        self._metronome.every(settings.plan_every_s, "plan", self._tick_plan)
        self._metronome.every(settings.render_every_s, "render", self._tick_render)
        self._metronome.every(settings.air_every_s, "air", self._tick_air)

    def start(self) -> None:
        """Raises StoreError where the database cannot be used or another worker has it."""
        schema.check(self._application.store)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise StoreError(
                "Another worker is already running on this database ({lock}). One is enough; stop it first.",
                lock=self._application.worker_lock,
            ) from error
        now = clock.now()
        self._outcomes.settle(now)
        self._journal(Action.WORKER_STARTED)
        self.plan()
        self._metronome.start()

    def stop(self) -> None:
        self._metronome.stop()
        self._application.children.close()
        self._runner.close()
        self._outcomes.stop(clock.now())
        self._journal_troubles()
        self._journal(Action.WORKER_STOPPED)
        self._lock.release()

    def _tick_plan(self) -> None:
        self._journal_troubles()
        self._runner.submit("plan")

    def _tick_render(self) -> None:
        with self._application.store.reading() as session:
            waiting = rendering.unrendered(session)
        for clip in waiting:
            self._runner.submit("render", clip)

    def _tick_air(self) -> None:
        """One thread does all of it, so that what an airing goes through happens in order."""
        try:
            self._outcomes.collect(clock.now())
            self._hand_over.recall(clock.now())
            self._hand_over.run(clock.now())
            self._outcomes.sweep(clock.now())
        except Exception as error:
            log.exception("Airing failed.", extra={"action": "air_failed"})
            self._count_failure("air", (), error)

    def plan(self) -> None:
        """Bring the plan up to date now rather than with the next tick."""
        now = clock.now()
        bulletins.expire(self._application.store, self._actor, now)
        planning.plan(self._application.store, self._application.config, self._actor, now)

    def _render(self, clip: str) -> None:
        rendering.render(self._application.store, self._application.studio, clip, self._actor, clock.now())

    def _count_failure(self, job: str, ids: tuple[str, ...], error: Exception) -> None:
        self._troubles[" ".join((job, *ids, repr(error)))] += 1

    def _journal_troubles(self) -> None:
        """Journal what was missed or failed since the last time, counted: the same trouble can come twice a second."""
        for action, counted in (
            (Action.TICK_MISSED, self._metronome.missed()),
            (Action.JOB_FAILED, dict(self._troubles)),
        ):
            if counted:
                self._journal(action, **counted)
        self._troubles.clear()

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
