"""Memory that processes hold, in MB of 1,000,000 bytes. For one process: all that is resident, shared or not."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

PROC = Path("/proc")
OFTEN_S = 0.05


def own_peak_mb() -> float:
    """The most this process ever held.

    Not `ru_maxrss` where Linux tells more: that begins with what the parent held when it started this process.
    """
    if PROC.joinpath("self/status").exists():
        return _status("self").get("VmHWM", 0.0)
    import resource  # noqa: PLC0415 - there is none on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000  # bytes on macOS


class Watch:
    """Looks after a process and all that it started, until the block ends."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, float] = {}
        self.together_mb = 0.0
        """The most that all held at one moment; where Linux tells, a page that several share is counted once."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._over.set()
        self._thread.join()

    @property
    def process_mb(self) -> float:
        """The peak of the process itself."""
        return self._peaks[self._pid]

    @property
    def children_mb(self) -> list[float]:
        """The peak of each process that it started, largest first."""
        return sorted((peak for pid, peak in self._peaks.items() if pid != self._pid), reverse=True)

    def told(self) -> dict[str, object]:
        """Everything seen, as a figure shows it."""
        return {
            "worker_mb": round(self.process_mb, 1),
            "children_mb": [round(peak, 1) for peak in self.children_mb],
            "together_mb": round(self.together_mb, 1),
        }

    def _watch(self) -> None:
        while not self._over.wait(OFTEN_S):
            self._look()

    def _look(self) -> None:
        found = _family(self._pid)
        for pid, (_, peak) in found.items():
            self._peaks[pid] = max(peak, self._peaks.get(pid, 0.0))
        self.together_mb = max(self.together_mb, sum(_share(pid) or now for pid, (now, _) in found.items()))


def _family(pid: int) -> dict[int, tuple[float, float]]:
    """For the process and all below it: what it holds now, and the most it held as far as that is known."""
    found = dict(_processes())
    family = {pid}
    for _ in range(4):  # generations
        family |= {child for child, (parent, _, _) in found.items() if parent in family}
    return {member: found[member][1:] for member in family if member in found}


def _processes() -> Iterator[tuple[int, tuple[int, float, float]]]:
    """Every process with its parent, what it holds now, and the most it held."""
    if PROC.joinpath("self/status").exists():
        for folder in PROC.glob("[0-9]*"):
            status = _status(folder.name)
            if "VmRSS" in status:
                yield int(folder.name), (int(status["PPid"]), status["VmRSS"], status["VmHWM"])
        return
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,rss="], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        pid, parent, rss_kb = map(int, line.split())
        yield pid, (parent, rss_kb * 1024 / 1_000_000, rss_kb * 1024 / 1_000_000)


def _share(pid: int) -> float:
    """What a process holds, divided with those it shares it with (Pss of Linux); 0 where that is not told."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1_000_000


def _status(pid: str) -> dict[str, float]:
    """The numbers in a process's status; sizes in MB. Empty when it has ended."""
    try:
        lines = (PROC / pid / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.startswith(("PPid", "VmRSS", "VmHWM")))
    return {name.rstrip(":"): int(value) * 1024 / 1_000_000 if unit else float(value) for name, value, *unit in fields}
