"""A week for the country: planned from nothing, planned again with nothing changed, and after one edit."""

import hashlib
import multiprocessing
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import text

from benchmarks import country, raw_plan
from benchmarks.databases import LOCAL_POSTGRES, POSTGRES_VARIABLE, Databases, SqliteFiles, postgres
from benchmarks.figures import Figure, note, timed
from benchmarks.memory import own_peak_mb
from broadcaster.config import Config
from broadcaster.domain.roles import Actor
from broadcaster.services import planning, scheduling
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.store import schema
from broadcaster.store.engine import Store
from broadcaster.store.tables import ScheduleRow

RUNS = 3
ENOUGH_S = 60.0  # of planning; a slow computer gets fewer runs, so that all ends in time
EDITS = 7
PROMISED = {"sqlite": 8.0}
RAW = {
    "sqlite": "raw expansion and bulk insert of the same rows, no foreign keys checked",
    "postgres": "raw expansion and COPY of the same rows",
}
PLANNER = Actor(None, "bench")
SAME_ROWS = (
    "schedule, commune, local_date, place_in_day, bulletin, revision, submission, clip, mode, phase, due_at, ends_at, "
    "blocked"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planned:
    """What one planning took, in a process that did nothing else."""

    seconds: float
    airings: int
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping a finished plan up to date takes."""

    again_s: float
    edit_ms: float
    edited_airings: int
    other_communes: int
    preview_ms: float
    previewed_airings: int


def require() -> None:
    """SQLite comes with Python, and PostgreSQL is no peer but an option."""


def figures() -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        yield from _figures(SqliteFiles(Path(folder)))
    with postgres() as server:
        if server is None:
            note(f"No PostgreSQL answers at {LOCAL_POSTGRES}; set {POSTGRES_VARIABLE} to measure another one.")
            return
        yield from _figures(server)


def _figures(databases: Databases) -> Iterator[Figure]:
    name = databases.name
    note(f"Filling {name} with {country.COMMUNES:,} communes ...")
    alone(_populate, databases.new("country"))
    planned: list[Planned] = []
    raw: list[float] = []
    for number in range(1, RUNS + 1):
        ours, bare = databases.copied("country", f"ours_{number}"), databases.copied("country", f"raw_{number}")
        planned.append(alone(_plan, ours))
        raw.append(alone(_write_raw, bare))
        note(f"Run {number} on {name}: planned in {planned[-1].seconds:.2f} s, raw {raw[-1]:.2f} s")
        if sum(run.seconds for run in planned) + sum(raw) > ENOUGH_S:
            break
    if alone(_hashes, ours) != alone(_hashes, bare):
        raise RuntimeError("The raw plan and the planner's differ: the limit would not be one.")
    yield from _planned_figures(name, planned, raw)
    yield from _kept_figures("" if name == "sqlite" else f"{name}_", alone(_keep, ours))


def _planned_figures(name: str, planned: list[Planned], raw: list[float]) -> Iterator[Figure]:
    ratio = statistics.median(run.seconds / raw_s for run, raw_s in zip(planned, raw, strict=True))
    limit: dict[str, object] = {
        "what": RAW[name], "raw_s": round(statistics.median(raw), 3), "ratio": round(ratio, 2),
        "rows": country.AIRINGS, "runs": len(planned),
    }  # fmt: skip
    seconds = statistics.median(run.seconds for run in planned)
    yield Figure(f"plan.{name}_s", seconds, "s", PROMISED.get(name), limit=limit)
    yield Figure(f"plan.{name}_ratio_to_raw", ratio, "x", limit=limit)
    peak_mb = max(run.peak_mb for run in planned)
    yield Figure(f"plan.{name}_memory_mb", peak_mb, "MB", limit={"airings": planned[0].airings})


def _kept_figures(prefix: str, kept: Kept) -> Iterator[Figure]:
    yield Figure(f"plan.{prefix}again_s", kept.again_s, "s", 1.5, limit={"airings": country.AIRINGS, "runs": RUNS})
    edited: dict[str, object] = {"edits": EDITS, "its_airings_changed": kept.edited_airings}
    yield Figure(f"plan.{prefix}edit_ms", kept.edit_ms, "ms", 100, limit=edited)
    yield Figure(f"plan.{prefix}edit_other_communes_changed", kept.other_communes, "communes", 0, limit=edited)
    seen: dict[str, object] = {"previews": EDITS, "its_airings": kept.previewed_airings}
    yield Figure(f"plan.{prefix}preview_ms", kept.preview_ms, "ms", 100, limit=seen)


def alone(work: Callable[[str], T], url: str) -> T:
    """`work(url)` in a process of its own, which begins with nothing in memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (url,))


def _populate(url: str) -> None:
    store = Store(url)
    schema.upgrade(store, Path(), country.NOW)
    country.populate(store)
    store.close()


def _plan(url: str) -> Planned:
    store = Store(url)
    seconds, change = timed(lambda: planning.plan(store, Config(), PLANNER, country.NOW))
    store.close()
    if change.new != country.AIRINGS:
        raise RuntimeError(f"{change.new:,} airings were planned, not {country.AIRINGS:,}.")
    return Planned(seconds, change.new, own_peak_mb())


def _write_raw(url: str) -> float:
    return timed(lambda: raw_plan.write(url))[0]


def _keep(url: str) -> Kept:
    store = Store(url)
    again = [timed(lambda: planning.plan(store, Config(), PLANNER, country.NOW)) for _ in range(RUNS)]
    if any(change != planning.PlanChange() for _, change in again):
        raise RuntimeError("Planning again changed something.")
    before = _hashes_of(store)
    communes = [number * country.COMMUNES // EDITS for number in range(EDITS)]
    edits = [timed(partial(_edit, store, number)) for number in communes]
    changed = {commune for commune, found in _hashes_of(store).items() if before[commune] != found}
    previews = [timed(partial(_preview, store, number)) for number in communes]
    store.close()
    others = changed - {country.code(number) for number in communes}
    edit_ms = statistics.median(seconds for seconds, _ in edits) * 1000
    preview_ms = statistics.median(seconds for seconds, _ in previews) * 1000
    again_s = statistics.median(seconds for seconds, _ in again)
    return Kept(again_s, edit_ms, edits[0][1], len(others), preview_ms, previews[0][1])


def _edit(store: Store, commune: int) -> int:
    """Take a schedule out of one slot, as an import would, and plan that commune; returns how many airings changed."""
    with store.writing() as session:
        row = session.get_one(ScheduleRow, f"lich-2-{commune:04d}")
        row.slots = row.slots[:-1]
        row.version += 1
    change = planning.plan(store, Config(), PLANNER, country.NOW, communes=[country.code(commune)])
    return change.new + change.moved + change.removed


def _preview(store: Store, commune: int) -> int:
    """Look at a new schedule among all that a commune has, a week ahead; returns how many airings it would have."""
    entry = ScheduleEntry(
        id="moi", bulletin="bt-0", communes=[country.code(commune)], dtstart=country.TODAY,
        slots=["Buổi sáng", "Buổi trưa", "Buổi chiều"],
    )  # fmt: skip
    with store.reading() as session:
        foresight, _ = scheduling.foresee(session, Config(), entry, country.NOW, country.DAYS)
    return len(foresight.airings)


def _hashes(url: str) -> dict[str, str]:
    store = Store(url)
    try:
        return _hashes_of(store)
    finally:
        store.close()


def _hashes_of(store: Store) -> dict[str, str]:
    """For each commune the hash of its airings as they stand."""
    found: dict[str, hashlib._Hash] = defaultdict(hashlib.sha256)
    with store.reading() as session:
        for row in session.execute(text(f"SELECT {SAME_ROWS} FROM airings ORDER BY commune, due_at, schedule")):
            found[row.commune].update(repr(tuple(row)).encode())
    return {commune: content.hexdigest() for commune, content in found.items()}
