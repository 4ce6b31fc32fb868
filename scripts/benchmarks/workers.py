"""A real `broadcaster worker` on a small database: what it holds while idle, and while it renders."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.memory import Watch
from broadcaster import application, clock, config, strict_yaml
from broadcaster.application import Application
from broadcaster.config import Config
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.roles import Actor
from broadcaster.services import rendering, samples
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.services.script import Script
from broadcaster.store import communes as places
from broadcaster.store import schema
from broadcaster.store.tables import ClipRow

LANGUAGE = "vi"
IDLE_S = 5.0
PATIENCE = timedelta(seconds=120)


def settings(folder: Path) -> Config:
    """The settings of an office in a folder of its own, kept in its `config.yaml`: only the offline voice speaks."""
    chosen = {
        "data_folder": str(folder / "data"),
        "speech": {"voices": {LANGUAGE: ["espeak/vi"]}, "gtts": {"enabled": False}},
        "worker": {"render_every_s": 0.2},
    }
    (folder / config.FILE_NAME).write_text(json.dumps(chosen), encoding="utf-8")
    return config.load(folder, {})


def script(built: Application, text: str) -> Script:
    """What is said of a bulletin of ordinary priority, figures and dates read."""
    design = built.config.audio.templates[Priority.NORMAL]
    return built.studio.script(text, LANGUAGE, design, built.studio.order(LANGUAGE, None))


def idle(folder: Path) -> Watch:
    """A worker that has its samples, and nothing to do."""
    with _office(folder) as built:
        samples.load(built.store, built.desk, application.os_user(), clock.now())
        with _worker(folder) as process, Watch(process.pid) as watch:
            time.sleep(IDLE_S)
        return watch


def rendering_all(folder: Path, texts: list[str]) -> tuple[Watch, float]:
    """A worker that finds these bulletins submitted, and the minutes of sound that it made of them."""
    with _office(folder) as built:
        writer = _people_and_texts(built, texts)
        with _worker(folder) as process, Watch(process.pid) as watch:
            for number in range(len(texts)):
                built.desk.submit(_code(number), writer, clock.now())
            _wait_until_rendered(built)
        with built.store.reading() as session:
            made_ms = session.scalars(select(func.sum(ClipRow.duration_ms))).one()
        return watch, (made_ms or 0) / 60_000


def _people_and_texts(built: Application, texts: list[str]) -> Actor:
    """The sample communes and people, and these bulletins as drafts; returns who may submit them."""
    documents = [strict_yaml.load(path) for path in samples.files() if path.stem == "communes"]
    entries = [
        {"id": _code(number), "title": "Bản tin", "source": "Ủy ban nhân dân", "text": text}
        for number, text in enumerate(texts)
    ]
    documents.append(strict_yaml.parse(json.dumps({"bulletins": entries}), "bulletins"))
    user, now = application.os_user(), clock.now()
    import_all(built.store, [document.validate(Exchange) for document in documents], samples.WRITER, user, now)
    with built.store.reading() as session:
        return places.actor(session, samples.WRITER, user)


def _code(number: int) -> str:
    return f"ban-tin-{number}"


@contextmanager
def _office(folder: Path) -> Iterator[Application]:
    folder.mkdir()
    built = application.build(settings(folder))
    try:
        schema.upgrade(built.store, built.backups, clock.now())
        yield built
    finally:
        built.close()


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Up and running: it has said what comes next."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(config.ENVIRONMENT_PREFIX)}
    with subprocess.Popen(
        [sys.executable, "-m", "broadcaster", "worker"], cwd=folder, env=plain, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.communicate()


def _wait_until_rendered(built: Application) -> None:
    give_up = clock.now() + PATIENCE
    while True:
        with built.store.reading() as session:
            waiting = rendering.unrendered(session, 1)
            faults = list(session.scalars(select(ClipRow.error).where(ClipRow.error.is_not(None))))
        if faults or clock.now() > give_up:
            raise RuntimeError(f"The worker did not render everything: {faults or waiting}")
        if not waiting:
            return
        time.sleep(0.1)
