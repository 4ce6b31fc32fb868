"""The MQTT broker behind the gate: amqtt's sessions and confirmations, with another way of passing messages on.

amqtt 0.12.1 gives whoever connects what was retained for the subscriptions of all others, compares every message with
every subscription, and lets what one slow reader is owed hold up its memory of everybody's. Whoever is behind the gate
listens to exact topics or to the two filters of the server, so who hears a message is looked up.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from amqtt.broker import Broker
from amqtt.errors import AMQTTError, MQTTError
from amqtt.session import Session

from broadcaster.broker import access
from broadcaster.broker.secret import SERVER_USER

log = logging.getLogger(__name__)

CROWD = 1_000
"""Messages that wait to be passed on; nothing more is read of loudspeakers meanwhile, so that they wait, not we."""
CROWD_OF_SERVER = 4 * CROWD
MOST_OWED_BYTES = 4_000_000
"""Under way to one loudspeaker: a thousand orders and more. What comes beyond is lost to it until it asks again."""
MOST_OWED_TO_SERVER_BYTES = 64_000_000

_SETTINGS = {
    "listeners": {"default": {"type": "external", "bind": "gate"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}},
}
_LOST = (TimeoutError, OSError, AMQTTError, MQTTError)
"""How a message ends that nobody confirmed: its reader is slow, or gone."""


class Inner(Broker):
    """To be made in the loop that it runs in. It listens nowhere: the gate hands it who was let in."""

    def __init__(self) -> None:
        super().__init__(_SETTINGS, asyncio.get_running_loop())
        self._under_way: set[asyncio.Task[Any]] = set()
        self._owed_bytes: Counter[str] = Counter()
        self._is_told: set[str] = set()

    def is_crowded(self, user: str) -> bool:
        """Whether a user's next message should wait; the server's orders go first."""
        return int(self._broadcast_queue.qsize()) >= (CROWD_OF_SERVER if user == SERVER_USER else CROWD)

    async def forget(self, user: str) -> None:
        """Keep nothing of a connection that has ended."""
        self._is_told.discard(user)
        await self._delete_session(user)

    async def _run_broadcast(self, running_tasks: deque[Any]) -> None:  # noqa: ARG002 - as amqtt calls it
        """Pass one message on to whoever listens to it."""
        message = await self._broadcast_queue.get()
        topic, qos = message["topic"], message.get("qos", 1)
        for session, granted in list(self._listeners(topic)):
            self._pass_on(session, topic, message["data"], min(qos, granted), is_retained=False)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """What is retained for a subscription of this very session; amqtt asks for those of all others too."""
        wanted, granted = subscription
        if all(listener is not session for listener, _ in self._subscriptions.get(wanted, ())):
            return
        for topic, kept in self._retained_messages.items():
            if self._matches(topic, wanted):
                self._pass_on(session, topic, kept.data, min(kept.qos or 0, granted), is_retained=True)

    def _listeners(self, topic: str) -> Iterator[tuple[Session, int]]:
        for wanted in access.filters(topic):
            yield from self._subscriptions.get(wanted, ())

    def _pass_on(self, session: Session, topic: str, data: bytes, qos: int, *, is_retained: bool) -> None:
        """Begin to send a message, unless its reader is owed too much already."""
        handler, user = self._get_handler(session), str(session.client_id)
        if handler is None or session.transitions.state != "connected":
            return
        most = MOST_OWED_TO_SERVER_BYTES if user == SERVER_USER else MOST_OWED_BYTES
        if self._owed_bytes[user] + len(data) > most:
            if user not in self._is_told:
                self._is_told.add(user)
                log.warning("Messages for a slow reader were dropped.", extra={"action": "broker_slow", "user": user})
            return
        self._owed_bytes[user] += len(data)
        task = asyncio.ensure_future(handler.mqtt_publish(topic, data, qos, retain=is_retained))
        self._under_way.add(task)
        task.add_done_callback(lambda done: self._sent(done, user, len(data)))

    def _sent(self, task: asyncio.Task[Any], user: str, size: int) -> None:
        self._under_way.discard(task)
        self._owed_bytes[user] -= size
        if self._owed_bytes[user] <= 0:
            del self._owed_bytes[user]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, _LOST):
            log.debug("A message was not confirmed.", extra={"action": "broker_unconfirmed", "user": user})
        elif error is not None:
            log.error("A message was lost.", exc_info=error, extra={"action": "broker_failed", "user": user})
