"""One real loudspeaker: its threads, its link, and its end."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from broadcaster import files, logs
from broadcaster.audio.play import sink_for
from broadcaster.net import NetError
from broadcaster.player import identity, names, settings
from broadcaster.player.agent import Agent, Wires
from broadcaster.player.alone import be_alone
from broadcaster.player.clips import Fetch
from broadcaster.player.door import Door
from broadcaster.player.fetching import FetchKeys
from broadcaster.player.identity import Identity
from broadcaster.player.link import BACK_OFF_S, Link, Way
from broadcaster.player.senses import Microphone, senses
from broadcaster.player.settings import Settings
from broadcaster.player.stick import Stick

log = logging.getLogger(__name__)

_IDLE_S = 0.25
_LOOK_S = 0.05
_END_S = 2.0


@contextmanager
def running(folder: Path, is_over: threading.Event) -> Iterator[Agent]:
    """A loudspeaker that plays, fetches and reports inside the block.

    Raises InputError where it is not enrolled or runs already, IdentityError where its folder is damaged.
    """
    with ExitStack() as stack:
        chosen = settings.load(folder)
        folder.mkdir(parents=True, exist_ok=True)
        be_alone(folder, stack)
        logs.start(folder / "logs", "player", chosen.log_level)
        known = _enrolled(folder, is_over)
        agent, link = _made(folder, known, chosen, stack)
        threads = [
            threading.Thread(target=work, args=(agent,), name=name, daemon=True)
            for name, work in (("play", _play), ("fetch", _fetch), ("look", _look))
        ]
        for thread in threads:
            thread.start()
        link.start(agent)
        log.info("The loudspeaker runs.", extra={"action": "player_started", "loudspeaker": known.device.user})
        try:
            yield agent
        finally:
            agent.close()
            deadline_s = time.monotonic() + _END_S
            for thread in threads[:1]:  # it reports what it was silenced in the middle of
                thread.join(max(0.0, deadline_s - time.monotonic()))
            link.close()
            log.info("The loudspeaker has stopped.", extra={"action": "player_stopped"})


def _enrolled(folder: Path, is_over: threading.Event) -> Identity:
    """Who it is; where a code lies ready, it enrols first, as often as it takes to reach the server."""
    path, attempt = folder / names.CODE, 0
    while not (folder / names.IDENTITY).exists() and path.exists() and not is_over.is_set():
        address, _, code = path.read_text(encoding="utf-8").strip().partition(" ")
        try:
            identity.enrol(folder, address, code)
        except NetError as error:
            log.warning("The server was not reached.", extra={"action": "not_enrolled", "error": str(error)})
            is_over.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            attempt += 1
        else:
            path.unlink()
    return identity.load(folder)


def _made(folder: Path, known: Identity, chosen: Settings, stack: ExitStack) -> tuple[Agent, Link | Stick]:
    microphone = Microphone(chosen.microphone.silent_below_dbfs) if chosen.microphone.enabled else None
    link, fetch, fetch_keys = _ways(folder, known, chosen, stack)
    wires = Wires(
        link=link,
        sink=sink_for(chosen.sink),
        fetch=fetch,
        fetch_keys=fetch_keys,
        senses=senses(chosen, microphone),
        listen=microphone.listen if microphone is not None else (lambda _: None),
    )
    agent = Agent(
        folder, known, identity.load_keys(folder), wires, volume_limit_percent=chosen.volume_limit_percent,
        quota_bytes=chosen.quota_mb * 1_000_000,
    )  # fmt: skip
    return agent, link


def _ways(folder: Path, known: Identity, chosen: Settings, stack: ExitStack) -> tuple[Link | Stick, Fetch, FetchKeys]:
    """By which ways reports, clips and keys go."""
    on_state = partial(_write_state, folder)
    if chosen.link == "stick" and chosen.stick is not None:
        stick = Stick(chosen.stick, known, on_state=on_state)
        return stick, stick.clip, stick.keys
    door = Door(known.door, known.device.user, known.password)
    stack.callback(door.close)
    link = Link(known, Way(chosen.link), poll_s=chosen.poll_s, tls_ca=chosen.tls_ca, on_state=on_state)
    return link, door.clip, door.keys


def _write_state(folder: Path, state: str) -> None:
    try:
        files.write(folder / names.LINK_STATE, state.encode())
    except OSError as error:
        log.warning("The state cannot be written.", exc_info=error, extra={"action": "state_unwritten"})


def _play(agent: Agent) -> None:
    while not agent.is_closed:
        _tried("play", agent, lambda: agent.wait(agent.step()))


def _fetch(agent: Agent) -> None:
    pause = threading.Event()
    while not agent.is_closed:
        _tried("fetch", agent, lambda: agent.work() or pause.wait(_IDLE_S))


def _look(agent: Agent) -> None:
    pause = threading.Event()
    while not agent.is_closed:
        _tried("look", agent, agent.look)
        pause.wait(_LOOK_S)


def _tried(name: str, agent: Agent, work: Callable[[], object]) -> None:
    """Whatever goes wrong once, the loudspeaker goes on."""
    try:
        work()
    except Exception:
        if not agent.is_closed:
            log.exception("A thread of the loudspeaker failed.", extra={"action": "failed", "thread": name})
        time.sleep(_IDLE_S)
