"""What a loudspeaker's folder tells of it, without a network and without touching anything."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from broadcaster.orders import memory as memories
from broadcaster.orders.memory import State
from broadcaster.orders.payload import Payload
from broadcaster.player import identity, names
from broadcaster.player.alone import is_running
from broadcaster.player.identity import Identity
from broadcaster.player.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Status:
    """`waiting` is what it holds and is still to come, by its time; `reports` how many nobody has acknowledged."""

    identity: Identity
    keys_version: int
    is_running: bool
    link: str
    waiting: tuple[Payload, ...]
    is_stopped: bool
    reports: int


def read(folder: Path, now: datetime) -> Status:
    """Raises InputError where it was never enrolled, IdentityError, DamagedMemoryError, OSError."""
    known, keys = identity.load(folder), identity.load_keys(folder)
    memory = memories.load(folder / "memory.json")
    over = {airing for airing, kept in memory.known.items() if kept.state not in {State.ACCEPTED, State.READY}}
    held = [order for order in Shelf(folder / "orders").shown(known.listener(keys)) if order.airing not in over]
    running = is_running(folder)
    state = folder / names.LINK_STATE
    return Status(
        identity=known,
        keys_version=keys.version,
        is_running=running,
        link=state.read_text(encoding="utf-8") if running and state.exists() else "",
        waiting=tuple(sorted((order for order in held if order.exp >= now), key=lambda order: order.start)),
        is_stopped=memory.is_stopped(None),
        reports=sum(1 for path in (folder / "reports").glob("*.json") if path.stat().st_size),
    )
