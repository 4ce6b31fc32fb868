"""A connection that was let in, as the broker behind the gate has it: only what its user may say and hear."""

import asyncio
import logging
import time
from collections.abc import Callable

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

from broadcaster.broker import access, packets
from broadcaster.broker.packets import PUBLISH, SUBSCRIBE, UNSUBSCRIBE, Connect, Packet, PacketError
from broadcaster.broker.secret import SERVER_USER

log = logging.getLogger(__name__)

STALLED_S = 30.0
"""Who has taken none of what waits for it for so long is not there any more, whatever it says."""

_LONGEST_KEEPALIVE_S = 120
_BURST, _EACH_S = 400, 100.0
"""So many packets of a loudspeaker at once, and so many a second from then on: more are read later, not lost."""
_CROWDED_S = 0.02


class Guest(ReaderAdapter):
    """`kept` is the hash that its password fitted. `gone` is set once nothing of it is left in the broker."""

    def __init__(
        self, found: Connect, kept: str, stream: asyncio.StreamReader, writer: asyncio.StreamWriter,
        is_crowded: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self.user, self.kept = found.user, kept
        self.gone = asyncio.Event()
        self.outlet = _Outlet(found.user, writer, self.turn_out)
        self._stream, self._transport = stream, writer.transport
        self._is_crowded = is_crowded
        self._buffer = packets.welcome(found).as_bytes()
        self._keepalive_s = 1.5 * min(found.keepalive_s or _LONGEST_KEEPALIVE_S, _LONGEST_KEEPALIVE_S)
        self._left, self._left_at_s = float(_BURST), time.monotonic()
        self._refusals = 0
        self._is_over = False

    def turn_out(self) -> None:
        self._is_over = True
        self._transport.abort()

    async def read(self, n: int = -1) -> bytes:
        """Nothing at the end, and where something came that must not."""
        while not self._buffer and not self._is_over:
            try:
                await self._spend()
                await self.outlet.drain()  # who does not read its answers is not asked for more
                async with asyncio.timeout(self._keepalive_s):
                    packet = await packets.read(self._stream, access.MOST_BYTES)
                found = self._passed(packet)
            except (OSError, PacketError, TimeoutError, asyncio.IncompleteReadError) as error:
                extra = {"action": "broker_ended", "user": self.user, "reason": str(error) or repr(error)}
                log.info("A connection ends.", extra=extra | {"refusals": self._refusals})
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
        while self._is_crowded(self.user) and not self._is_over:
            await asyncio.sleep(_CROWDED_S)
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
                self.outlet.write(packets.puback(number))
            return None
        if packet.kind in {SUBSCRIBE, UNSUBSCRIBE}:
            number, wanted = packets.topics(packet)
            if packet.kind == UNSUBSCRIBE:
                return packet
            if not all(access.may_subscribe(self.user, topic) for topic, _ in wanted):
                self._refused("subscribe")
                self.outlet.write(packets.suback_refused(number, len(wanted)))
                return None
            return packets.subscribe(number, wanted)
        return packet

    def _refused(self, what: str) -> None:
        """Told once for a connection: a loudspeaker could fill the log else."""
        self._refusals += 1
        if self._refusals == 1:
            log.warning("Something was refused.", extra={"action": "broker_refused", "user": self.user, "what": what})


class _Outlet(StreamWriterAdapter):
    """What goes to a guest: nothing that it may not hear, whatever the broker behind means to send."""

    def __init__(self, user: str, writer: asyncio.StreamWriter, on_stall: Callable[[], None]) -> None:
        super().__init__(writer)
        self._user = user
        self._on_stall = on_stall

    def write(self, data: bytes) -> None:
        """One whole packet, as the broker writes them."""
        if data[0] >> 4 == PUBLISH and not access.may_hear(self._user, packets.topic_of(data)):
            log.error("A message was held back.", extra={"action": "broker_held_back", "user": self._user})
            return
        super().write(data)

    async def drain(self) -> None:
        try:
            async with asyncio.timeout(STALLED_S):
                await super().drain()
        except TimeoutError:
            self._on_stall()
            raise ConnectionResetError("it does not read what it is sent") from None
