"""Who may do what at the broker. Everything that is not named here is forbidden."""

from broadcaster.broker.secret import SERVER_USER
from broadcaster.orders.topics import Device, Part, device, everyone, parse

MOST_BYTES = 10_240
"""Of one MQTT packet: an order of at most 8,192 bytes, its topic and its head."""

_LISTENED_TO = frozenset({everyone(Part.REPORT), everyone(Part.STATE)})


def may_publish(user: str, topic: str) -> bool:
    """The server may write orders, a loudspeaker its own reports and state. A last will is no different."""
    found = parse(topic)
    if found is None:
        return False
    owner, part = found
    return part is Part.ORDER if user == SERVER_USER else part is not Part.ORDER and owner == _owner(user)


def may_subscribe(user: str, wanted: str) -> bool:
    """A loudspeaker may listen to its own orders, by that very topic; the server to all reports and states."""
    if user == SERVER_USER:
        found = parse(wanted)
        return wanted in _LISTENED_TO or (found is not None and found[1] is not Part.ORDER)
    owner = _owner(user)
    return owner is not None and wanted == owner.topic(Part.ORDER)


def may_hear(user: str, topic: str) -> bool:
    """Whether a message on this topic may reach a user at all, whatever anybody subscribed to."""
    found = parse(topic)
    if found is None:
        return False
    owner, part = found
    return part is not Part.ORDER if user == SERVER_USER else part is Part.ORDER and owner == _owner(user)


def filters(topic: str) -> list[str]:
    """All that somebody may have subscribed to (`may_subscribe`) who hears of this topic."""
    found = parse(topic)
    return [topic] if found is None else [topic, everyone(found[1])]


def may_leave(user: str, topic: str) -> bool:
    """Whether this may be a user's last will: a loudspeaker's own state alone."""
    owner = _owner(user)
    return owner is not None and topic == owner.topic(Part.STATE)


def may_be_kept(topic: str) -> bool:
    """Whether a message on this topic is retained where that is asked for: only a state tells what is so now."""
    found = parse(topic)
    return found is not None and found[1] is Part.STATE


def _owner(user: str) -> Device | None:
    return None if user == SERVER_USER else device(user)
