"""The queue of messages about alerts: who is to be told, together with what, and what became of it.

Before a letter leaves, it is written that it is being sent and when it is tried next; after it has left, that it was
sent. So nothing is sent again after a restart, but for a letter that was under way as the program died: that one is
repeated, because the other choice would be to lose it. It then has the same id, unless more came to be told with it.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from broadcaster.domain import alert
from broadcaster.domain.alert import DAMPING, Change, Channel
from broadcaster.domain.roles import Actor
from broadcaster.errors import BroadcasterError
from broadcaster.letters import Letter, UndeliveredError
from broadcaster.net import NetError
from broadcaster.services import alert_letters
from broadcaster.services.alerts import written
from broadcaster.store import journal
from broadcaster.store.alert_tables import AlertMessageRow, AlertRow
from broadcaster.store.bulk import in_parts
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action

log = logging.getLogger(__name__)

BACK_OFF_S = (60, 120, 240, 480, 900, 1800)
GIVEN_UP_AFTER = timedelta(days=3)
_AT_ONCE = 1000
"""As many alerts become messages, and as many messages one letter, in one step."""
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told: of one commune, or (None) of all and the server. `deliver` raises BroadcasterError."""

    channel: Channel
    to: str
    language: str
    deliver: Callable[[Letter], None]
    commune: str | None = None
    check: Callable[[], None] = lambda: None
    """Raises BroadcasterError where nothing could be delivered as it is set up."""

    @property
    def shown(self) -> str:
        """Whom it goes to, without what others need not know: a person's name, or the secrets in an address."""
        if self.channel is Channel.MAIL:
            name, _, host = self.to.rpartition("@")
            return f"{name[:1]}…@{host}"
        return self.to.partition("://")[2].partition("/")[0].rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Queue:
    """Sends what is due, in the caller's thread, one letter at a time."""

    store: Store
    recipients: Sequence[Recipient]
    actor: Actor
    random: Random = field(default_factory=Random)

    def send(self, now: datetime, *, is_over: Callable[[], bool] = lambda: False) -> int:
        """Queue what was raised and cleared, then send what is due; how many letters left.

        One letter for each recipient, with all that waits for them. Between two letters `is_over` may end it.
        """
        self._spread(now)
        self._drop_unknown(now)
        sent, dead = 0, set[Channel]()
        for recipient in self.recipients:
            if is_over():
                break
            if recipient.channel in dead:
                continue
            found = self._claim(recipient, now)
            if found:
                error = self._delivered(recipient, alert_letters.letter(found, recipient.language))
                self._note(recipient, found, error, now)
                sent += error is None
                if recipient.channel is Channel.MAIL and _is_shared(error):
                    dead.add(recipient.channel)
        return sent

    def _spread(self, now: datetime) -> None:
        """Write a message for each alert, change and recipient that has none; an end only once it has lasted."""
        opened = AlertRow.is_opening_told.is_(False)
        cleared = AlertRow.is_clearing_told.is_(False) & (AlertRow.cleared_at <= now - DAMPING)
        with self.store.reading() as session:
            if session.scalars(select(AlertRow.id).where(opened | cleared).limit(1)).first() is None:
                return
        with self.store.writing() as session:
            for row in _first(session, opened):
                row.is_opening_told = True
                self._queue(session, row, Change.OPENED, row.opened_at, now)
            for row in _first(session, cleared):
                row.is_clearing_told = True
                self._queue(session, row, Change.CLEARED, row.cleared_at or now, now)

    def _queue(self, session: Session, row: AlertRow, change: Change, at: datetime, now: datetime) -> None:
        concerned = {one.to: one for one in self.recipients if one.commune in {None, row.commune}}
        for recipient in concerned.values():
            message = AlertMessageRow(
                alert=row.id, channel=recipient.channel, to=recipient.to, change=change, queued_at=now,
                due_at=alert.due(at), tries=0,
            )  # fmt: skip
            session.add(message)

    def _drop_unknown(self, now: datetime) -> None:
        """Give up what is for somebody who is no recipient any more."""
        with self.store.reading() as session:
            waiting = set(session.scalars(select(AlertMessageRow.to).where(_waits()).distinct()))
        gone = waiting - {recipient.to for recipient in self.recipients}
        if gone:
            error = written(BroadcasterError("This recipient stands in the settings no more."))
            with self.store.writing() as session:
                found = update(AlertMessageRow).where(_waits(), AlertMessageRow.to.in_(gone))
                session.execute(found.values(due_at=None, given_up_at=now, error=error))

    def _claim(self, recipient: Recipient, now: datetime) -> list[alert_letters.Told]:
        """What this recipient is told now, noted as being sent; with what is due also all that failed before."""
        mine = AlertMessageRow.to == recipient.to
        with self.store.reading() as session:
            if session.scalars(select(AlertMessageRow.id).where(mine, _is_due(now)).limit(1)).first() is None:
                return []
        with self.store.writing() as session:
            has_failed = _waits() & AlertMessageRow.error.is_not(None)
            query = select(AlertMessageRow).where(mine, _is_due(now) | has_failed).order_by(AlertMessageRow.id)
            rows = list(session.scalars(query.limit(_AT_ONCE).with_for_update(skip_locked=True)))
            for row in rows:
                row.tries += 1
                row.sending_at = now
                row.error = None
            again_at = now + back_off(max((row.tries for row in rows), default=1), self.random)
            for row in rows:
                row.due_at = again_at
            return alert_letters.told(session, rows)

    def _delivered(self, recipient: Recipient, letter: Letter) -> BroadcasterError | None:
        """None, or why it was not."""
        try:
            recipient.deliver(letter)
        except BroadcasterError as error:
            log.warning(
                "A message about alerts was not delivered.",
                extra={"action": "alert_undelivered", "to": recipient.shown, "error": str(error)},
            )
            return error
        return None

    def _note(
        self, recipient: Recipient, found: Sequence[alert_letters.Told], error: BroadcasterError | None, now: datetime
    ) -> None:
        ids = [told.message.id for told in found]
        is_final = isinstance(error, UndeliveredError) and error.is_permanent
        with self.store.writing() as session:
            if error is None:
                _set(session, ids, due_at=None, sent_at=now)
                self._tell(session, Action.ALERT_SENT, recipient, found, now)
                return
            _set(session, ids, error=written(error))
            too_old = now - GIVEN_UP_AFTER
            lost = [told for told in found if is_final or told.message.queued_at <= too_old]
            if lost:
                _set(session, [told.message.id for told in lost], due_at=None, given_up_at=now)
                self._tell(session, Action.ALERT_GIVEN_UP, recipient, lost, now, error=str(error))
            wait_s = getattr(error, "retry_after_s", None)
            if wait_s is not None:
                at_least = now + timedelta(seconds=min(wait_s, BACK_OFF_S[-1]))
                later = update(AlertMessageRow).where(AlertMessageRow.id.in_(ids), AlertMessageRow.due_at < at_least)
                session.execute(later.values(due_at=at_least))

    def _tell(
        self, session: Session, action: Action, recipient: Recipient, found: Sequence[alert_letters.Told],
        now: datetime, **more: object,
    ) -> None:  # fmt: skip
        about = [f"{told.alert.id} {told.message.change}" for told in found[:_NAMED]]
        data = {"channel": recipient.channel, "to": recipient.shown, "alerts": about, "count": len(found)} | more
        journal.append(
            session, chain=journal.SYSTEM, action=action, now=now, actor=self.actor, subject="alerts", data=data
        )


def back_off(tries: int, random: Random) -> timedelta:
    """How long to wait after so many tries, a little more or less, so that those who wait do not come together."""
    return timedelta(seconds=BACK_OFF_S[min(tries, len(BACK_OFF_S)) - 1] * random.uniform(0.8, 1.2))


def try_out(recipients: Iterable[Recipient], now: datetime) -> Iterable[tuple[Recipient, BroadcasterError | None]]:
    """Send each recipient a letter that says it is a test, at once; what came of each."""
    for number, recipient in enumerate(recipients):
        name = hashlib.sha256(f"test {now.isoformat()} {number} {recipient.to}".encode()).hexdigest()[:32]
        try:
            recipient.deliver(alert_letters.trial(name, recipient.language))
        except BroadcasterError as error:
            yield recipient, error
        else:
            yield recipient, None


def _waits() -> ColumnElement[bool]:
    return AlertMessageRow.due_at.is_not(None)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return AlertMessageRow.due_at <= now


def _is_shared(error: BroadcasterError | None) -> bool:
    """Whether no other letter would get through either, so that asking again for each would only take time."""
    return isinstance(error, NetError) or (isinstance(error, UndeliveredError) and error.is_shared)


def _first(session: Session, wanted: ColumnElement[bool]) -> list[AlertRow]:
    query = select(AlertRow).where(wanted).order_by(AlertRow.id).limit(_AT_ONCE)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def _set(session: Session, ids: Sequence[int], **values: object) -> None:
    for part in in_parts(ids):
        session.execute(update(AlertMessageRow).where(AlertMessageRow.id.in_(part)).values(**values))
