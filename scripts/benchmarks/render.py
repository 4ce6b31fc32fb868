"""Forty bulletins from text to finished MP3: how fast, beside a shell pipeline and beside what cannot be faster."""

import shutil
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import workers
from benchmarks.bulletins import bulletins
from benchmarks.figures import Figure, note, timed
from benchmarks.peers import LOUDNESS_LUFS, TRUE_PEAK_DBTP, Heard, Peers
from broadcaster import application, files
from broadcaster.application import Application
from broadcaster.audio import encode
from broadcaster.audio.decode import decode
from broadcaster.speech.espeak import synthesise
from broadcaster.speech.sentences import sentences

ROUNDS = 5
ENOUGH_S = 75.0  # of rounds; a slow computer gets fewer, so that all ends in time
WORKER_THREADS = 2  # as many renders as the worker has under way at once
WARM_UP = ["Đây là câu nói thử để các chương trình được nạp.", "Đây là câu nói thử thứ hai, cũng ngắn như vậy."]


@dataclass(frozen=True, slots=True)
class Round:
    """What each side needed for all bulletins, in seconds, one right after the other."""

    ours_s: float
    pipeline_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Race:
    """All rounds, and the files that each side made in the last one."""

    rounds: list[Round]
    ours: list[Path]
    pipeline: list[Path]

    def median(self, figure: Callable[[Round], float]) -> float:
        return statistics.median(map(figure, self.rounds))


def require() -> None:
    Peers.found()


def figures() -> Iterator[Figure]:
    texts = bulletins()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        built = application.build(workers.settings(folder))
        try:
            peers = Peers.found(processes=min(WORKER_THREADS, built.children.count))
            spoken_s = _spoken_s(built, texts)
            race = _race(built, peers, texts, folder)
        finally:
            built.close()
        yield from _speed(race, peers, spoken_s)
        note("Measuring loudness ...")
        yield from _loudness(peers.heard(race.ours), peers.heard(race.pipeline))
        yield from _memory(folder, texts)


def _race(built: Application, peers: Peers, texts: list[str], folder: Path) -> Race:
    """All sides by turns, so that what else the computer does burdens each of them."""
    shell = folder / "pipeline"
    shell.mkdir()
    speed = built.config.speech.words_per_minute
    raw = _raw_jobs(built, texts, folder, peers.processes)
    _render(built, WARM_UP, peers.processes)
    peers.pipeline(WARM_UP, shell, speed)
    _raw(built, raw)
    rounds: list[Round] = []
    for number in range(1, ROUNDS + 1):
        shutil.rmtree(built.config.data_folder / "speech-cache")
        ours_s, ours = timed(lambda: _render(built, texts, peers.processes))
        pipeline_s, pipeline = timed(lambda: peers.pipeline(texts, shell, speed))
        limit_s, _ = timed(lambda: _raw(built, raw))
        rounds.append(Round(ours_s, pipeline_s, limit_s))
        note(f"Round {number}: ours {ours_s:.2f} s, pipeline {pipeline_s:.2f} s, limit {limit_s:.2f} s")
        if sum(one.ours_s + one.pipeline_s for one in rounds) > ENOUGH_S:
            break
    return Race(rounds, ours, pipeline)


def _render(built: Application, texts: list[str], threads: int) -> list[Path]:
    def render(text: str) -> Path:
        script = workers.script(built, text)
        file = built.studio.path(script.key)
        files.write(file, built.studio.sound(script).sound.data)
        return file

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(render, texts))


RawJob = list[tuple[list[str], Path]]
"""The sentences of some clips, each with a WAV file of its finished sound."""


def _raw_jobs(built: Application, texts: list[str], folder: Path, processes: int) -> list[RawJob]:
    jobs: list[RawJob] = [[] for _ in range(processes)]
    for number, text in enumerate(texts):
        script = workers.script(built, text)
        finished = folder / f"finished-{number}.wav"
        finished.write_bytes(built.studio.sound(script, "wav").sound.data)
        said = [
            sentence.text for part in (script.opening, script.spoken, script.closing) for sentence in sentences(part)
        ]
        jobs[number % processes].append((said, finished))
    return jobs


def _raw(built: Application, jobs: list[RawJob]) -> None:
    """Synthesis and encoding alone: no reading, trimming, mixing, loudness, cache or trips between processes."""
    speed = built.config.speech.words_per_minute
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: built.children.run(_raw_job, job, speed, timeout_s=120), jobs))


def _raw_job(job: RawJob, words_per_minute: int) -> None:
    for said, finished in job:
        for sentence in said:
            synthesise(sentence, "vi", words_per_minute, 50)
        finished.with_suffix(".mp3").write_bytes(encode.mp3(decode(finished.read_bytes()), 64))


def _spoken_s(built: Application, texts: list[str]) -> list[float]:
    """How long each bulletin is spoken, without chime and template."""
    scripts = [workers.script(built, text) for text in texts]
    speaker = built.studio.speaker
    return [speaker.speak(script.spoken, script.voices[0]).duration_ms / 1000 for script in scripts]


def _speed(race: Race, peers: Peers, spoken_s: list[float]) -> Iterator[Figure]:
    """Ratios are medians over the rounds, each within one round: what else runs slows all sides of it alike."""
    count = len(spoken_s)
    ours_s, pipeline_s = race.median(lambda one: one.ours_s), race.median(lambda one: one.pipeline_s)
    limit_s = race.median(lambda one: one.limit_s)
    peer: dict[str, object] = {
        "program": peers.versions(), "pipeline_s": round(pipeline_s, 3), "ours_s": round(ours_s, 3),
        "bulletins": count, "mean_spoken_s": round(statistics.mean(spoken_s), 2), "processes": peers.processes,
        "rounds": [[round(one.ours_s, 2), round(one.pipeline_s, 2)] for one in race.rounds],
    }  # fmt: skip
    limit: dict[str, object] = {"what": "synthesis and encoding alone", "limit_s": round(limit_s, 3)}
    ratio = race.median(lambda one: one.pipeline_s / one.ours_s)
    yield Figure("render.ratio_to_pipeline", ratio, "x", promise=3.0, at_most=False, peer=peer, limit=limit)
    beside: dict[str, object] = {"bulletins_per_s": round(count / pipeline_s, 2)}
    above: dict[str, object] = {"bulletins_per_s": round(count / limit_s, 2)}
    yield Figure("render.bulletins_per_s", count / ours_s, "1/s", peer=beside, limit=above)
    yield Figure("render.ratio_to_limit", race.median(lambda one: one.ours_s / one.limit_s), "x", limit=limit)


def _loudness(ours: list[Heard], pipeline: list[Heard]) -> Iterator[Figure]:
    def error_lu(heard: list[Heard]) -> float:
        return max(abs(one.loudness_lufs - LOUDNESS_LUFS) for one in heard)

    def peak_dbtp(heard: list[Heard]) -> float:
        return max(one.true_peak_dbtp for one in heard)

    meter: dict[str, object] = {"meter": "ffmpeg ebur128", "files": len(ours)}
    beside = {**meter, "pipeline_lu": round(error_lu(pipeline), 3)}
    yield Figure("render.loudness_error_lu", error_lu(ours), "LU", promise=0.5, peer=beside)
    beside = {**meter, "pipeline_dbtp": round(peak_dbtp(pipeline), 2)}
    yield Figure("render.true_peak_dbtp", peak_dbtp(ours), "dBTP", promise=TRUE_PEAK_DBTP, peer=beside)


def _memory(folder: Path, texts: list[str]) -> Iterator[Figure]:
    note("Measuring the memory of a worker ...")
    watch = workers.idle(folder / "idle")
    yield Figure("render.idle_memory_mb", watch.process_mb, "MB", promise=250, limit=watch.told())
    watch, minutes = workers.rendering_all(folder / "many", texts)
    told = watch.told() | {"clips": len(texts), "minutes": round(minutes, 1)}
    yield Figure("render.memory_mb", watch.together_mb, "MB", promise=400, limit=told)
    watch, minutes = workers.rendering_all(folder / "long", ["\n".join(texts)])
    told = watch.told() | {"clips": 1, "minutes": round(minutes, 1)}
    yield Figure("render.long_memory_mb", watch.together_mb, "MB", promise=500, limit=told)
