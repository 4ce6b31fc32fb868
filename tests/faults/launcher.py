"""Runs `broadcaster` with one fault, which the variable FAULT describes as JSON; nothing of this is in the product.

    {"point": "database" | "file" | "process", "nth": 12, "every": false, "act": "raise" | "kill"}
    {"point": "step", "step": "airing_sending", "when": "before" | "after", "act": "kill", "lead_s": 60}
    {"point": "speech", "act": "dies" | "hangs" | "memory" | "nothing"}

"before" a step is inside its transaction, "after" is once that is committed. `every` repeats the fault at each nth
call; `lead_s` is how long ahead sound cards get their orders. Beside it, the file `clock-shift` moves what the program
takes for the time by so many seconds, and `injected` is written when a fault has struck. Child processes import this
file too, and so speak with the same fault.
"""

import json
import os
import signal
import threading
import wave
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect

from broadcaster import clock, files, process
from broadcaster.cli.main import main
from broadcaster.connectors.soundcard import SoundcardConnector
from broadcaster.domain.sound import Pcm
from broadcaster.speech import espeak
from broadcaster.store import journal

HERE = Path.cwd()
_FAULT: dict[str, Any] = json.loads(os.environ.get("FAULT", "{}"))
_MANY_BYTES = 1 << 42

Error = Callable[[], BaseException]


class Trap:
    """Strikes at the nth call of whatever it is set on."""

    def __init__(self, error: Error) -> None:
        self._error = error
        self._count = 0
        self._guard = threading.Lock()

    def step_on(self, error: BaseException | None = None) -> None:
        with self._guard:
            self._count += 1
            count = self._count
        nth = _FAULT["nth"]
        if count == nth or (_FAULT.get("every") and count % nth == 0):
            strike()
            raise error or self._error()

    def on(self, owner: Any, name: str) -> None:
        """Set the trap on a function or method."""
        found = getattr(owner, name)

        def trapped(*arguments: Any, **named: Any) -> Any:
            self.step_on()
            return found(*arguments, **named)

        setattr(owner, name, trapped)


def strike() -> None:
    """Tell the test; and die, where that is the fault."""
    (HERE / "injected").touch()
    if _FAULT["act"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


def set_database_trap() -> None:
    """On every statement and every commit, as the driver would tell of it."""
    trap = Trap(lambda: OSError("never raised"))

    def on(name: str) -> None:
        found = getattr(DefaultDialect, name)

        def trapped(dialect: DefaultDialect, *arguments: Any, **named: Any) -> Any:
            trap.step_on(dialect.loaded_dbapi.OperationalError("injected: the server closed the connection"))
            return found(dialect, *arguments, **named)

        setattr(DefaultDialect, name, trapped)

    for name in ("do_execute", "do_commit"):
        on(name)


def set_step_trap() -> None:
    """On the journal: its entries are the named steps."""
    append = journal.append

    def trapped(session: Any, *, action: journal.Action, **named: Any) -> Any:
        row = append(session, action=action, **named)
        if action == _FAULT["step"]:
            if _FAULT["when"] == "before":
                strike()
            event.listen(session, "after_commit", lambda _: strike(), once=True)
        return row

    journal.append = trapped


def speak_wrongly(text: str, voice: str, rate_wpm: int, pitch: int) -> Pcm:
    """In a child, in the place of the speech engine."""
    (HERE / "injected").touch()
    if _FAULT["act"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if _FAULT["act"] == "hangs":
        threading.Event().wait()
    if _FAULT["act"] == "memory":
        import resource  # noqa: PLC0415 - only where there is one

        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(_MANY_BYTES)
    return Pcm(b"", 22_050)


def shifted_clock(now: Callable[[], Any]) -> Callable[[], Any]:
    def shifted() -> Any:
        try:
            return now() + timedelta(seconds=float((HERE / "clock-shift").read_text()))
        except (OSError, ValueError):
            return now()

    return shifted


def set_traps() -> None:
    if "lead_s" in _FAULT:
        soundcard = SoundcardConnector
        soundcard.capabilities = replace(soundcard.capabilities, lead_s=_FAULT["lead_s"])
    clock.now = shifted_clock(clock.now)
    point = _FAULT.get("point")
    if point == "database":
        set_database_trap()
    elif point == "file":
        trap = Trap(lambda: OSError(28, "No space left on device"))
        trap.on(files, "write")
        trap.on(files, "sha256")
        trap.on(wave, "open")
    elif point == "process":
        Trap(lambda: OSError(11, "Resource temporarily unavailable")).on(process.Children, "run")
    elif point == "step":
        set_step_trap()
    elif point == "speech":
        espeak.synthesise = speak_wrongly


if __name__ in {"__main__", "__mp_main__"}:
    set_traps()
if __name__ == "__main__":
    main()
