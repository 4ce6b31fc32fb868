"""How texts are read: right by ear, class by class, and how fast; vietnormalizer beside us in the same run."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _environment import ROOT
from benchmarks import ear
from benchmarks.bulletins import bulletins
from benchmarks.figures import Figure, note, timed
from benchmarks.peers import MissingPeerError
from broadcaster.reading import read
from broadcaster.speech.sentences import sentences

PEER = "vietnormalizer"
TABLES = (
    "sample_vi.tsv",
    "blind_phrases_vi.tsv",
    "blind_second_vi.tsv",
    "blind_third_vi.tsv",
    "blind_bulletins_vi.tsv",
)
OURS = (sys.executable, "-m", "broadcaster", "spoken")
SENTENCES = 2_000
PATHOLOGICAL = ("1", "1/", "1.", "0912", "a1", "(", "-", "IV", "\u0301", "1:", "a.b", "@", "%", "ngày 1/", "1,2-")

Normaliser = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    written: str
    spoken: str


def require() -> None:
    """Raise MissingPeerError where the peer is not installed."""
    if importlib.util.find_spec(PEER) is None:
        raise MissingPeerError(f"The package {PEER} is missing: pip install {PEER}")


def figures() -> Iterator[Figure]:
    """Accuracy of us and of the peer on each table of the project, and both's speed."""
    peer = _peer()
    for name in TABLES:
        cases = cases_of(ROOT / "tests" / "reading" / name)
        note(f"Reading {len(cases)} cases of {name}, ours and {PEER} ...")
        theirs = _told(right(cases, peer))
        yield from _accuracy(name.removesuffix("_vi.tsv"), cases, by_command(OURS), {PEER: theirs})
    yield from _speed(peer)


def scored(file: Path, command: Sequence[str]) -> Iterator[Figure]:
    """Accuracy of any command that reads a written line and prints a spoken one, on any table."""
    yield from _accuracy("command" if command else "spoken", cases_of(file), by_command(command or OURS), {})


def cases_of(file: Path) -> list[Case]:
    """The rows `class, written, spoken`; ` | ` parts further accepted readings, \\n stands for a line break."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Case(*row[:3]) for row in rows if not row[0].startswith("#")]


def right(cases: Sequence[Case], normalise: Normaliser) -> dict[str, tuple[int, int]]:
    """By class: how many are heard as they should be, of how many."""
    said = normalise([case.written for case in cases])
    all_, good = Counter(case.kind for case in cases), Counter[str]()
    for case, spoken in zip(cases, said, strict=True):
        is_right = ear.alike(spoken, case.spoken)
        good[case.kind] += is_right
        if not is_right:
            note(f"  {case.kind}: {case.written!r} -> {spoken!r}, expected {case.spoken!r}")
    return {kind: (good[kind], count) for kind, count in all_.items()}


def by_command(command: Sequence[str]) -> Normaliser:
    """A program that takes lines and prints a line for each."""

    def normalise(texts: Sequence[str]) -> list[str]:
        given = "".join(text.replace("\\n", " ") + "\n" for text in texts)
        done = subprocess.run(command, input=given, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        lines = done.stdout.removesuffix("\n").split("\n")
        if len(lines) != len(texts):
            raise SystemExit(f"{command[0]} printed {len(lines)} lines for {len(texts)}.")
        return lines

    return normalise


def _peer() -> Normaliser:
    from vietnormalizer import VietnameseNormalizer  # type: ignore[import-untyped]  # noqa: PLC0415

    normaliser = VietnameseNormalizer()
    return lambda texts: [str(normaliser.normalize(text.replace("\\n", " "))) for text in texts]


def _accuracy(name: str, cases: Sequence[Case], normalise: Normaliser, peer: dict[str, object]) -> Iterator[Figure]:
    found = right(cases, normalise)
    good, count = (sum(column) for column in zip(*found.values(), strict=True))
    promise = 100.0 if name == "sample" else 98.0
    yield Figure(
        f"reading.{name}_accuracy", 100 * good / count, "%", promise, at_most=False, peer=peer, limit=_told(found)
    )


def _told(found: dict[str, tuple[int, int]]) -> dict[str, object]:
    good, count = (sum(column) for column in zip(*found.values(), strict=True))
    classes = {kind: f"{part}/{of}" for kind, (part, of) in sorted(found.items())}
    return {"right": f"{good}/{count}", "by_class": classes}


def _speed(peer: Normaliser) -> Iterator[Figure]:
    texts = [sentence.text for text in bulletins() for sentence in sentences(text)]
    read(texts[0], "vi")
    note(f"{len(texts)} sentences of bulletins, on one core ...")
    ours_s, _ = timed(lambda: [read(text, "vi") for _ in range(5) for text in texts])
    theirs_s, _ = timed(lambda: peer(texts))
    version = importlib.metadata.version(PEER)
    yield Figure(
        "reading.sentences_per_second", 5 * len(texts) / ours_s, "1/s", SENTENCES, at_most=False,
        peer={PEER: version, "sentences_per_second": round(len(texts) / theirs_s, 1)},
    )  # fmt: skip
    worst_s, worst = max((timed(partial(read, text, "vi"))[0], text[:4]) for text in _pathological())
    yield Figure("reading.pathological_100kb_s", worst_s, "s", 1.0, limit={"worst": worst})


def _pathological() -> Iterator[str]:
    for part in PATHOLOGICAL:
        yield part * (100_000 // len(part.encode()))
        yield (part + " ") * (100_000 // len((part + " ").encode()))
