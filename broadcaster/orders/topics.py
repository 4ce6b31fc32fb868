"""The MQTT topics of a loudspeaker, and the name under which it logs in at broker and door."""

import re
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.orders.strict_json import ID

ROOT = "broadcaster/v1"
KEEPALIVE_S = 60
"""A broker takes a device for dead after one and a half of this: within 100 s, its last will is out."""

_TOPIC = re.compile(rf"{ROOT}/(?P<commune>{ID.pattern})/(?P<loudspeaker>{ID.pattern})/(?P<part>order|report|state)")


class Part(StrEnum):
    """`order` goes to the device, QoS 1, never retained; `report` comes from it, QoS 1; `state` is retained."""

    ORDER = "order"
    REPORT = "report"
    STATE = "state"


@dataclass(frozen=True, slots=True, order=True)
class Device:
    """One loudspeaker: its commune and its own id."""

    commune: str
    loudspeaker: str

    @property
    def user(self) -> str:
        """Its name at the broker and at the door. No id has a dot, so it can be taken apart again."""
        return f"{self.commune}.{self.loudspeaker}"

    def topic(self, part: Part) -> str:
        return f"{ROOT}/{self.commune}/{self.loudspeaker}/{part}"


def device(user: str) -> Device | None:
    """The loudspeaker that logs in under a name; None where no loudspeaker is called so."""
    commune, _, loudspeaker = user.partition(".")
    return Device(commune, loudspeaker) if ID.fullmatch(commune) and ID.fullmatch(loudspeaker) else None


def parse(topic: str) -> tuple[Device, Part] | None:
    """Whose topic this is; None for any other."""
    found = _TOPIC.fullmatch(topic)
    return None if found is None else (Device(found["commune"], found["loudspeaker"]), Part(found["part"]))


def everyone(part: Part) -> str:
    """The filter with which the server listens to all loudspeakers."""
    return f"{ROOT}/+/+/{part}"
