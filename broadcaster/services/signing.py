"""Signing an order, and reading it at once as a loudspeaker will: what it would refuse is not sent."""

from datetime import datetime, timedelta

from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.errors import BroadcasterError
from broadcaster.orders import envelope, payload
from broadcaster.orders.keyfolder import KeyRing
from broadcaster.orders.keys import PrivateKey, Purpose
from broadcaster.orders.memory import Memory
from broadcaster.orders.payload import HELD, Payload
from broadcaster.orders.verify import Accepted, Listener, Refused, examine


class SigningError(BroadcasterError):
    """An order that no loudspeaker would obey; nothing was sent."""


def signing_key(ring: KeyRing, purpose: Purpose, at: datetime) -> PrivateKey:
    """The key with which a commune signs at a moment. Raises SigningError."""
    key = ring.signer(purpose, at)
    if key is None:
        raise SigningError(
            "No key of {commune} is valid now. Make the next ones: broadcaster keys rotate {commune}",
            commune=ring.commune,
        )
    return key


def obeyed(
    envelope: bytes, like: Payload, ring: KeyRing, timetable: CommuneTimetable, now: datetime, *, held: timedelta
) -> Payload | None:
    """The order that was signed before, where a loudspeaker for which `like` is would obey it now; else None."""
    verdict = examine(envelope, _listener(like, ring, timetable, held), Memory(), now)
    return verdict.order if isinstance(verdict, Accepted) else None


def sign_order(order: Payload, ring: KeyRing, timetable: CommuneTimetable, *, held: timedelta = HELD) -> bytes:
    """The signed envelope of an order, verified as a new loudspeaker in this commune verifies it at `order.nbf`.

    `held` is PACK for a station without a network. Raises SigningError.
    """
    key = signing_key(ring, order.cmd.purpose, order.nbf)
    data = order.as_bytes()
    signed = envelope.sign(data, payload.TYPE, key)
    verdict = examine(signed, _listener(order, ring, timetable, held), Memory(), order.nbf)
    if not isinstance(verdict, Accepted) or verdict.order.as_bytes() != data:
        code = verdict.code if isinstance(verdict, Refused) else "changed"
        raise SigningError(
            "The order {order} was not sent: a loudspeaker would refuse it ({code}).",
            order=order.airing or order.ref or order.cmd,
            code=code,
        )
    return signed


def _listener(order: Payload, ring: KeyRing, timetable: CommuneTimetable, held: timedelta) -> Listener:
    """A new loudspeaker for which this order is."""
    return Listener(
        commune=ring.commune,
        ids=frozenset(order.targets),
        mode=order.mode,
        keys=ring.document.keys,
        zone=timetable.zone,
        quiet_hours=() if timetable.quiet_hours is None else (timetable.quiet_hours,),
        held=held,
    )
