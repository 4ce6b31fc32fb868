"""The MQTT broker that the worker runs itself: amqtt behind a gate that decides who comes in and what comes through.

amqtt 0.12 trusts too early: it drops a session by its client id before it asks for a password, publishes a last will
past its access plugins, never takes a silent connection for a dead one, and reads packets of any size. So it is given
no socket. The gate (`guest`) reads whole packets, answers or refuses what is not allowed (`access`), and hands on the
rest (`inner`); the name of a user is its client id, and nobody's else.
"""

import asyncio
import contextlib
import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from broadcaster import process
from broadcaster.broker import access, packets, passwords
from broadcaster.broker.guest import Guest
from broadcaster.broker.inner import Inner
from broadcaster.broker.packets import Connect, PacketError
from broadcaster.broker.secret import SERVER_USER
from broadcaster.broker.strangers import Stranger, Strangers
from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

MOST_GUESTS = 640
"""Ten stations of the largest size; whoever has more needs a Mosquitto. The server's own connection waits by select(2),
which knows no file beyond the 1,023rd, and files are opened by the rest of the program too."""
OTHER_FILES = 384
GREETING_S = 10.0
REFUSED_AFTER_S = 1.0
"""So nobody guesses fast."""
LOOK_S = 5.0
"""Between two looks whether those who are connected are still known: one that was removed is gone after so long."""

_CONNECT_BYTES = 1_024
_BUFFER_BYTES = 16_384
_BACKLOG = 512
_PATIENCE_S = 5.0
_TAKEOVER_S = 5.0
_WRONG_VERSION, _UNAVAILABLE, _WRONG_PASSWORD = 1, 3, 4


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
        self._guests: dict[str, Guest] = {}
        self._strangers = Strangers()
        self._visits: set[asyncio.Task[None]] = set()
        self._most_guests = MOST_GUESTS
        self._turned_away = 0

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
        except Exception as error:
            self._fault = error
            if self._ready.is_set():
                log.exception("The MQTT broker has ended.", extra={"action": "broker_failed"})
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        files = process.open_files(MOST_GUESTS + OTHER_FILES)
        self._most_guests = min(MOST_GUESTS, max(files - OTHER_FILES, files // 4))
        inner = Inner()
        await inner.start()

        def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visit = asyncio.create_task(self._welcome(inner, reader, writer))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)

        gate = await asyncio.start_server(arrive, self._host, self._port, limit=_BUFFER_BYTES, backlog=_BACKLOG)
        self._port = gate.sockets[0].getsockname()[1]
        look = asyncio.create_task(self._look())
        self._ready.set()
        try:
            await self._over.wait()
        finally:
            look.cancel()
            gate.close()
            self._strangers.close()
            for guest in list(self._guests.values()):
                guest.turn_out()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S / 2):
                    await inner.shutdown()

    async def _welcome(self, inner: Inner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end."""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        stranger = self._strangers.welcome(address, writer.transport.abort)
        try:
            guest = None if stranger is None else await self._known(inner, stranger, reader, writer)
            if guest is None:
                self._turned_away += 1
            else:
                await self._attend(inner, guest)
        except (OSError, PacketError, TimeoutError, asyncio.IncompleteReadError) as error:
            self._turned_away += 1
            log.debug(
                "A connection was closed.", extra={"action": "broker_closed", "reason": str(error) or repr(error)}
            )
        except Exception:
            log.exception("A connection failed.", extra={"action": "broker_failed"})
        finally:
            writer.transport.abort()

    async def _known(
        self, inner: Inner, stranger: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Guest | None:
        """Who has come, once they have shown that they are; None for whoever was refused."""
        try:
            async with asyncio.timeout(GREETING_S):
                found = packets.connect(await packets.read(reader, _CONNECT_BYTES))
                stranger.is_idle = False
                code, kept = await self._login(found)
                if writer.transport.is_closing():
                    return None  # it is gone meanwhile; its last will would be that of somebody who never came in
                if not code:
                    return Guest(found, kept, reader, writer, inner.is_crowded)
                stranger.is_idle = True
                await asyncio.sleep(REFUSED_AFTER_S)
                writer.write(packets.connack(code))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
                return None
        finally:
            self._strangers.leave(stranger)

    async def _login(self, found: Connect) -> tuple[int, str]:
        """0 and the hash that the password fits, or why not, as CONNACK says it."""
        if found.level != 4:
            return _WRONG_VERSION, ""
        if found.user == SERVER_USER:
            is_right = hmac.compare_digest(found.password.encode(), self._server_password.encode())
            kept = "" if is_right else None
        else:
            try:
                kept = await asyncio.get_running_loop().run_in_executor(self._pool, self._fitting, found)
            except Exception:
                log.exception("Nobody can log in at the broker.", extra={"action": "broker_login_failed"})
                return _UNAVAILABLE, ""
        if kept is None:
            return _WRONG_PASSWORD, ""
        if found.will is not None and not access.may_leave(found.user, found.will.topic):
            log.warning("A last will was refused.", extra={"action": "broker_refused", "user": found.user})
            return _WRONG_PASSWORD, ""
        if len(self._guests.keys() - {SERVER_USER, found.user}) >= self._most_guests and found.user != SERVER_USER:
            log.warning("The broker is full.", extra={"action": "broker_full", "user": found.user})
            return _UNAVAILABLE, ""
        return 0, kept

    def _fitting(self, found: Connect) -> str | None:
        kept = self._hash_of(found.user)
        is_right = passwords.is_right(found.password, kept or passwords.NOBODY)
        return kept if is_right else None

    async def _attend(self, inner: Inner, guest: Guest) -> None:
        """Hand a connection on to the broker; an older one of the same name has to be gone before."""
        before = self._guests.get(guest.user)
        self._guests[guest.user] = guest
        try:
            if before is not None:
                before.turn_out()
                await asyncio.wait_for(before.gone.wait(), _TAKEOVER_S)
            if self._guests.get(guest.user) is guest:
                await inner.external_connected(guest, guest.outlet, "default")
        finally:
            is_last = self._guests.get(guest.user) is guest
            if before is not None and not before.gone.is_set():
                if is_last:
                    self._guests[guest.user] = before  # who comes next waits for it as well
            else:
                await inner.forget(guest.user)
                if is_last:
                    del self._guests[guest.user]
            guest.gone.set()

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
            self._tell_turned_away()

    def _tell_turned_away(self) -> None:
        """One line for all of them: whoever knocks could fill the log else."""
        count, self._turned_away = self._turned_away, 0
        if count:
            log.info("Connections were turned away.", extra={"action": "broker_turned_away", "count": count})
