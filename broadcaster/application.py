"""The composition root: from settings to everything that is needed, with a status for each component."""

import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from importlib import resources
from pathlib import Path

from broadcaster import clock, reach
from broadcaster.audio import template
from broadcaster.config import Config
from broadcaster.connectors.base import status as station_fault
from broadcaster.domain.roles import Actor
from broadcaster.domain.sound import Voice
from broadcaster.errors import BroadcasterError, EngineDisabledError, EnginePausedError, InputError
from broadcaster.orders import keyfolder
from broadcaster.process import Children
from broadcaster.services import keyring
from broadcaster.services.airing import HandOver
from broadcaster.services.alert_queue import Recipient
from broadcaster.services.alert_recipients import recipients
from broadcaster.services.bulletins import Desk
from broadcaster.services.dispatching import Pools
from broadcaster.services.holidays import kept_book
from broadcaster.services.ordering import Signer
from broadcaster.services.outcomes import OnEnd, Outcomes
from broadcaster.services.rendering import Studio
from broadcaster.services.stations import Stations
from broadcaster.services.storage import Storage
from broadcaster.speech import plugins
from broadcaster.speech.base import Engine, EngineContext
from broadcaster.speech.cache import SpeechCache
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.gtts import Gtts
from broadcaster.speech.piper import Piper
from broadcaster.speech.plugins import Plugins
from broadcaster.speech.recording import Recordings
from broadcaster.speech.speaker import Speaker
from broadcaster.store import communes as places
from broadcaster.store import journal, schema
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action


class State(StrEnum):
    READY = "ready"
    PAUSED = "paused"
    DISABLED = "disabled"
    MISCONFIGURED = "misconfigured"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Status:
    """One component's state, with what is wrong where something is."""

    component: str
    state: State
    fault: BroadcasterError | None = None


@dataclass(frozen=True, slots=True)
class Engines:
    """Those that come with the program, and what other packages bring."""

    built_in: tuple[Engine, ...]
    added: Plugins

    def __iter__(self) -> Iterator[Engine]:
        """All that can be used, the better-sounding of our own first."""
        yield from self.built_in
        yield from self.added.engines


@dataclass(frozen=True, slots=True)
class Application:
    """Everything built from one set of settings. `close` stops child processes and lets go of the database."""

    config: Config
    store: Store
    children: Children
    studio: Studio
    storage: Storage
    desk: Desk
    engines: Engines

    @property
    def backups(self) -> Path:
        return self.config.data_folder / "backups"

    @property
    def keys_folder(self) -> Path:
        """The communes' keys; readable by its owner alone."""
        return self.config.data_folder / "keys"

    @property
    def signer(self) -> Signer:
        """Reads the communes' keys: only the worker may, and who makes a pack."""
        return Signer(self.keys_folder, self.config.door.url, self.config)

    @property
    def recordings(self) -> Recordings:
        return _recordings(self.config)

    @property
    def worker_lock(self) -> Path:
        """What the one worker of a database holds; it lies beside the database."""
        beside = self.store.sqlite_file.parent if self.store.sqlite_file else self.config.data_folder
        return beside / "worker.lock"

    def upgrade(self, now: datetime) -> Path | None:
        """Bring the database to this version and journal it; returns the backup that was made first, if any."""
        before = schema.current(self.store)
        backup = schema.upgrade(self.store, self.backups, now)
        if before != schema.newest():
            with self.store.writing() as session:
                journal.append(
                    session,
                    chain=journal.SYSTEM,
                    action=Action.DATABASE_UPGRADED,
                    now=now,
                    actor=self.program(),
                    subject="database",
                    data={"before": before, "after": schema.newest()},
                )
        return backup

    def program(self) -> Actor:
        """The program itself as one who acts."""
        return Actor(None, os_user())

    def hand_over(self, on_end: OnEnd) -> HandOver:
        """What one worker airs with."""
        confirm_within = timedelta(seconds=self.config.worker.confirm_within_s)
        outcomes = Outcomes(self.store, Stations(), self.program(), confirm_within, on_end)
        return HandOver(self.store, self.studio, self.config, outcomes, self.signer, Pools())

    def recipients(self) -> list[Recipient]:
        """Who is told of alerts, as the settings say."""
        return recipients(self.config.alerts)

    def statuses(self) -> Iterator[Status]:
        """A status for each component, tried for real; only stations are asked over a network.

        Those of the server itself, voices, the communes' keys, stations, and the holidays of the communes.
        """
        yield from self.own_statuses()
        for voice in dict.fromkeys(name for order in self.config.speech.voices.values() for name in order):
            yield self._voice_status(voice)
        yield from self.engine_statuses()
        yield from self.key_statuses(clock.now())
        if _tried("database", lambda: schema.check(self.store)).state is not State.READY:
            return  # the stations stand in it
        with self.store.reading() as session:
            stations = [station for found in places.stations(session).values() for station in found]
            countries = places.countries(session)
        for station in stations:
            fault = station_fault(station)
            yield Status(f"station {station.code}", _state(fault), fault)
        yield from self._holiday_statuses(countries)

    def own_statuses(self) -> Iterator[Status]:
        """A status for each part of the server that is tried at once: database, disk, templates, ways of alerts."""
        yield _tried("database", lambda: schema.check(self.store))
        yield _tried("disk", self.storage.ensure_room)
        for name in template.names(self.studio.template_folders):
            yield _tried(f"template {name}", partial(template.find, name, self.studio.template_folders))
        for recipient in self.recipients():
            yield _tried(f"alerts {recipient.shown}", recipient.check)

    def _holiday_statuses(self, countries: Sequence[str]) -> Iterator[Status]:
        """Whether the public holidays of these countries can be found; where not, the last good copy goes on."""
        book = kept_book(self.config)
        for country in countries:
            book.dates({"country": country}, clock.now().date())
            fault = book.faults.get(country)
            yield Status(f"holidays {country}", _state(fault), fault)

    def engine_statuses(self) -> Iterator[Status]:
        """A status for each engine that another package brings: why it cannot be used, else of its first voice."""
        added = self.engines.added
        missing = sorted({*self.config.speech.engines} - {*added.faults, *(engine.name for engine in added.engines)})
        unknown = {name: InputError("No installed package brings the engine {name}.", name=name) for name in missing}
        for name, fault in {**added.faults, **unknown}.items():
            yield Status(f"engine {name}", _state(fault), fault)
        for engine in added.engines:
            for voice in engine.voices()[:1]:
                yield _tried(f"engine {engine.name}", partial(engine.check, voice))

    def key_statuses(self, now: datetime) -> Iterator[Status]:
        """A status for each commune that has keys: a warning from 60 days before they end, failing from 7."""
        for commune in keyfolder.communes(self.keys_folder):
            try:
                alarm = keyring.watch(self.keys_folder, commune, now)
            except BroadcasterError as error:
                yield Status(f"keys {commune}", State.FAILING, error)
                continue
            is_urgent = alarm is not None and alarm.threshold_days <= keyring.URGENT_DAYS
            fault = None if alarm is None else keyring.warning(commune, alarm)
            yield Status(f"keys {commune}", State.FAILING if is_urgent else State.READY, fault)

    def voice_statuses(self) -> Iterator[tuple[Voice, Status]]:
        """Every voice there is, tried for real but without a network."""
        for voice in self.studio.speaker.voices():
            yield voice, self._voice_status(voice.name)

    def _voice_status(self, voice: str) -> Status:
        return _tried(f"voice {voice}", partial(self.studio.speaker.check, voice))

    def close(self) -> None:
        self.children.close()
        self.store.close()


def build(config: Config) -> Application:
    """Put the parts together. Touches the data folder, but neither opens the database nor starts a process."""
    config.data_folder.mkdir(parents=True, exist_ok=True)
    reach.allow(config.net.allowed_networks)
    children = Children(config.speech.children or None)
    speech = SpeechCache(config.data_folder / "speech-cache")
    speaking = engines(config, children)
    studio = Studio(
        speaker=Speaker(tuple(speaking), speech),
        voices=config.speech.voices,
        children=children,
        template_folders=template_folders(config),
        clips=config.data_folder / "clips",
        max_characters=config.bulletins.max_characters,
        timeout_s=config.audio.timeout_s,
    )
    store = Store(config.database_url, busy_timeout_s=config.database.busy_timeout_s)
    storage = Storage(config.data_folder, config.storage, speech, studio)
    desk = Desk(store, studio, storage, config)
    return Application(config, store, children, studio, storage, desk, speaking)


def engines(config: Config, children: Children) -> Engines:
    """Every engine there is; one of another package that cannot be built is a fault, and the others stay."""
    speech = config.speech
    pause_file = config.data_folder / "gtts-pause.json"
    pace, timeout_s = speech.words_per_minute, speech.timeout_s
    built_in: tuple[Engine, ...] = (
        Gtts(speech.gtts, pause_file, children, now=clock.now),
        Piper(speech.piper, children, words_per_minute=pace, timeout_s=timeout_s),
        Espeak(children, rate_wpm=pace, pitch=speech.pitch, timeout_s=timeout_s),
        _recordings(config),
    )

    def context(name: str) -> EngineContext:
        folder = config.data_folder / "engines" / name
        return EngineContext(speech.engines.get(name, {}), folder, children, pace, speech.pitch, timeout_s)

    return Engines(built_in, plugins.load(context, [engine.name for engine in built_in]))


def _recordings(config: Config) -> Recordings:
    return Recordings(config.data_folder / "recordings")


def template_folders(config: Config) -> tuple[Path, ...]:
    """Where templates are looked for: the folder of the settings, then those that come with the program."""
    package = Path(str(resources.files("broadcaster")))
    shipped = [package / "audio_templates", package.parent / "audio_templates"]  # installed; in a checkout
    own = [config.audio.templates_folder] if config.audio.templates_folder else []
    return (*own, *(folder for folder in shipped if folder.is_dir()))


def os_user() -> str:
    """The user of the operating system, for the journal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _tried(component: str, trial: Callable[[], object]) -> Status:
    try:
        trial()
    except BroadcasterError as error:
        return Status(component, _state(error), error)
    return Status(component, State.READY)


def _state(fault: BroadcasterError | None) -> State:
    """What cannot be used as it was written down is misconfigured; what does not work is failing."""
    if fault is None:
        return State.READY
    if isinstance(fault, EnginePausedError):
        return State.PAUSED
    if isinstance(fault, EngineDisabledError):
        return State.DISABLED
    return State.MISCONFIGURED if isinstance(fault, InputError) else State.FAILING
