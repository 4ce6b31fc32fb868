"""The MQTT broker that the worker runs itself: amqtt behind a gate that decides who comes in and what comes through.

amqtt 0.12 trusts too early: it drops a session by its client id before it asks for a password, publishes a last will
past its access plugins, never takes a silent connection for a dead one, and reads packets of any size. So it is given
no socket. The gate reads whole packets, answers or refuses what is not allowed (`access`), and hands on the rest; the
name of a user is its client id, and nobody's else.
"""

import asyncio
import contextlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker

from broadcaster.broker import access, packets, passwords
from broadcaster.broker.packets import PUBLISH, SUBSCRIBE, UNSUBSCRIBE, Connect, Packet, PacketError
from broadcaster.broker.secret import SERVER_USER
from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 1_200
"""Twenty stations of the largest size; whoever has more needs a Mosquitto."""
MOST_STRANGERS = 100
"""Connections that nobody knows yet who they are; what comes beyond is closed, and comes again."""
GREETING_S = 10.0
REFUSED_AFTER_S = 1.0
"""So nobody guesses fast."""
LOOK_S = 5.0
"""Between two looks whether those who are connected are still known: one that was removed is gone after so long."""

_LONGEST_KEEPALIVE_S = 120
_CONNECT_BYTES = 1_024
_BURST, _EACH_S = 400, 100.0
"""So many packets of a loudspeaker at once, and so many a second from then on: more are read later, not lost."""
_PATIENCE_S = 5.0
_WRONG_VERSION, _UNAVAILABLE, _WRONG_PASSWORD = 1, 3, 4
_SETTINGS = {
    "listeners": {"default": {"type": "external", "bind": "gate"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}},
}


class EmbeddedBroker:
    """`hash_of` gives the hash of a loudspeaker's password by its user name, None for nobody; `hashes` those of all.

    Both are asked in threads of their own, so a slow database stops no message.
    """

    def __init__(
        self, host: str, port: int, server_password: str, hash_of: Callable[[str], str | None],
        hashes: Callable[[], Mapping[str, str]],
    ) -> None:  # fmt: skip
        self._host, self._port = host, port
        self._server_password = server_password
        self._hash_of, self._hashes = hash_of, hashes
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="broker-login")
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._guests: dict[str, _Guest] = {}
        self._count = self._strangers = 0

    @property
    def port(self) -> int:
        """Where it listens; another one than was asked for where that was 0."""
        return self._port

    def start(self) -> None:
        """Returns once it listens. Raises BroadcasterError."""
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            self._thread.join()
            raise BroadcasterError(
                "The MQTT broker cannot listen on {host}, port {port}: {error}. Another program may have that port: "
                "set broker.port in config.yaml.",
                host=self._host, port=self._port, error=self._fault,
            )  # fmt: skip

    def stop(self) -> None:
        """Every connection is closed, as if the network were cut: the loudspeakers come back by themselves."""
        loop, over = self._loop, self._over
        if loop is not None and over is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(over.set)
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.ERROR)  # else a line for every connection, with its packets
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._fault = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        broker = Broker(_SETTINGS, self._loop)
        await broker.start()
        gate = await asyncio.start_server(lambda *wire: self._welcome(broker, *wire), self._host, self._port)
        self._port = gate.sockets[0].getsockname()[1]
        look = asyncio.create_task(self._look())
        self._ready.set()
        try:
            await self._over.wait()
        finally:
            look.cancel()
            gate.close()
            for guest in list(self._guests.values()):
                guest.turn_out()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S / 2):
                    await broker.shutdown()

    async def _welcome(self, broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end."""
        if self._count >= MOST_CONNECTIONS or self._strangers >= MOST_STRANGERS:
            writer.transport.abort()
            return
        self._count += 1
        try:
            guest = await self._known(reader, writer)
            if guest is not None:
                await self._attend(broker, guest)
        except (OSError, PacketError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.info("A connection was closed.", extra={"action": "broker_closed", "reason": str(error) or repr(error)})
        except Exception:
            log.exception("A connection failed.", extra={"action": "broker_failed"})
        finally:
            self._count -= 1
            writer.transport.abort()

    async def _known(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "_Guest | None":
        """Who has come, once they have shown that they are; None for whoever was refused."""
        self._strangers += 1
        try:
            async with asyncio.timeout(GREETING_S):
                found = packets.connect(await packets.read(reader, _CONNECT_BYTES))
                code, kept = await self._login(found)
                if not code:
                    return _Guest(found, kept, reader, writer)
                await asyncio.sleep(REFUSED_AFTER_S)
                writer.write(packets.connack(code))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
                return None
        finally:
            self._strangers -= 1

    async def _login(self, found: Connect) -> tuple[int, str]:
        """0 and the hash that the password fits, or why not, as CONNACK says it."""
        if found.level != 4:
            return _WRONG_VERSION, ""
        if found.will is not None and not access.may_leave(found.user, found.will.topic):
            log.warning("A last will was refused.", extra={"action": "broker_refused", "user": found.user[:200]})
            return _WRONG_PASSWORD, ""
        if found.user == SERVER_USER:
            is_right = hmac.compare_digest(found.password.encode(), self._server_password.encode())
            return (0, "") if is_right else (_WRONG_PASSWORD, "")
        try:
            kept = await asyncio.get_running_loop().run_in_executor(self._pool, self._fitting, found)
        except Exception:
            log.exception("Nobody can log in at the broker.", extra={"action": "broker_login_failed"})
            return _UNAVAILABLE, ""
        return (_WRONG_PASSWORD, "") if kept is None else (0, kept)

    def _fitting(self, found: Connect) -> str | None:
        kept = self._hash_of(found.user)
        is_right = passwords.is_right(found.password, kept or passwords.NOBODY)
        return kept if is_right else None

    async def _attend(self, broker: Broker, guest: "_Guest") -> None:
        """Hand a connection on to the broker; an older one of the same name has to be gone before."""
        before = self._guests.get(guest.user)
        self._guests[guest.user] = guest
        if before is not None:
            before.turn_out()
            await asyncio.wait_for(before.gone.wait(), _PATIENCE_S)
        try:
            if self._guests.get(guest.user) is guest:
                await broker.external_connected(guest, StreamWriterAdapter(guest.writer), "default")
        finally:
            guest.gone.set()
            if self._guests.get(guest.user) is guest:
                del self._guests[guest.user]

    async def _look(self) -> None:
        """Turn out whoever is not known any more, or has another password by now."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                known = await loop.run_in_executor(self._pool, self._hashes)
            except Exception as error:
                log.warning("Nobody knows who may be here.", exc_info=error, extra={"action": "broker_look_failed"})
                continue
            for guest in list(self._guests.values()):
                if guest.user != SERVER_USER and known.get(guest.user) != guest.kept:
                    guest.turn_out()


@dataclass(eq=False)
class _Guest(ReaderAdapter):
    """A connection that was let in, as the broker reads it: only packets that its user may send."""

    connect: Connect
    kept: str = field(repr=False)
    stream: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)
    gone: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        self.user = self.connect.user
        self._buffer = packets.welcome(self.connect).as_bytes()
        self._keepalive_s = 1.5 * min(self.connect.keepalive_s or _LONGEST_KEEPALIVE_S, _LONGEST_KEEPALIVE_S)
        self._left, self._left_at_s = float(_BURST), time.monotonic()
        self._is_over = False

    def turn_out(self) -> None:
        self._is_over = True
        self.writer.transport.abort()

    async def read(self, n: int = -1) -> bytes:
        """Nothing at the end, and where something came that must not."""
        while not self._buffer and not self._is_over:
            try:
                await self._spend()
                async with asyncio.timeout(self._keepalive_s):
                    packet = await packets.read(self.stream, access.MOST_BYTES)
                found = self._passed(packet)
            except (OSError, PacketError, TimeoutError, asyncio.IncompleteReadError) as error:
                reason = str(error) or repr(error)
                log.info("A connection ends.", extra={"action": "broker_ended", "user": self.user, "reason": reason})
                self.turn_out()
                return b""
            self._buffer = b"" if found is None else found.as_bytes()
        n = len(self._buffer) if n < 0 else n
        part, self._buffer = self._buffer[:n], self._buffer[n:]
        return part

    def feed_eof(self) -> None:
        self._is_over = True

    async def _spend(self) -> None:
        """Read no faster than is allowed: the sender's own buffers fill instead of ours."""
        if self.user == SERVER_USER:
            return
        now_s = time.monotonic()
        self._left = min(_BURST, self._left + (now_s - self._left_at_s) * _EACH_S) - 1
        self._left_at_s = now_s
        if self._left < 0:
            await asyncio.sleep(-self._left / _EACH_S)

    def _passed(self, packet: Packet) -> Packet | None:
        """What the broker gets of a packet; None where it is answered here, as Mosquitto answers it. PacketError."""
        packets.check(packet)
        if packet.kind == PUBLISH:
            topic, qos, number = packets.publish(packet)
            if access.may_publish(self.user, topic):
                return packet if access.may_be_kept(topic) else packets.not_retained(packet)
            self._refused(f"publish {topic[:200]}")
            if qos:
                self.writer.write(packets.puback(number))
            return None
        if packet.kind in {SUBSCRIBE, UNSUBSCRIBE}:
            number, wanted = packets.topics(packet)
            if packet.kind == SUBSCRIBE and not all(access.may_subscribe(self.user, topic) for topic in wanted):
                self._refused("subscribe")
                self.writer.write(packets.suback_refused(number, len(wanted)))
                return None
        return packet

    def _refused(self, what: str) -> None:
        log.warning("Something was refused.", extra={"action": "broker_refused", "user": self.user, "what": what})
