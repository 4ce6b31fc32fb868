"""Settings: strict models, `config.yaml` over the defaults, `BROADCASTER__SECTION__KEY` over both.

The models are the reference; `config.yaml` in the project shows each with its default and one comment line, and a
test holds the two together.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field as Setting
from pydantic import field_validator

from broadcaster import net, strict_yaml
from broadcaster.config_alerts import AlertSettings
from broadcaster.config_devices import BrokerSettings, DoorSettings
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.timetable import local_time
from broadcaster.errors import ConfigError, InputError
from broadcaster.strict_yaml import Strict, problem

ENVIRONMENT_PREFIX = "BROADCASTER__"
FILE_NAME = "config.yaml"


class DatabaseSettings(Strict):
    url: str | None = None
    busy_timeout_s: float = Setting(30.0, gt=0)


class BulletinSettings(Strict):
    max_characters: int = Setting(20_000, gt=0)
    approval_days: int = Setting(90, gt=0)
    patterns_folder: Path | None = None


class GttsSettings(Strict):
    enabled: bool = True
    address: str = "https://translate.google.com"
    timeout_s: float = Setting(10.0, gt=0, le=60)
    pause_s: float = Setting(600.0, gt=0, le=3600)
    min_interval_s: float = Setting(0.5, ge=0, le=60)

    @field_validator("address")
    @classmethod
    def _kept_from_others(cls, value: str) -> str:
        if not net.is_private_enough(value):
            raise problem("{value} must begin with https:// (http:// only for this computer itself)", value=value)
        return value


class PiperVoiceSettings(Strict):
    file: Path
    sha256: str
    language: str

    @field_validator("sha256")
    @classmethod
    def _checksum(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
            raise problem("{value} is no SHA-256: write the 64 figures that `sha256sum FILE` prints", value=value)
        return value.lower()

    @field_validator("language")
    @classmethod
    def _code(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z]{2}", value):
            raise problem("{value} is no language code: write two letters, for example vi", value=value)
        return value


class PiperSettings(Strict):
    voices: dict[str, PiperVoiceSettings] = {}

    @field_validator("voices")
    @classmethod
    def _plain_names(cls, value: dict[str, PiperVoiceSettings]) -> dict[str, PiperVoiceSettings]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", name):
                raise problem("{name} cannot name a voice: take letters, figures, dots and dashes", name=name)
        return value


class SpeechSettings(Strict):
    voices: dict[str, list[str]] = {
        "vi": ["gtts/vi", "espeak/vi"],
        "en": ["gtts/en", "espeak/en"],
        "bn": ["gtts/bn", "espeak/bn"],
    }
    gtts: GttsSettings = GttsSettings()
    piper: PiperSettings = PiperSettings()
    engines: dict[str, dict[str, Any]] = {}
    words_per_minute: int = Setting(155, ge=80, le=300)
    pitch: int = Setting(50, ge=0, le=99)
    children: int = Setting(0, ge=0)
    timeout_s: float = Setting(60.0, gt=0)

    @field_validator("voices", mode="before")
    @classmethod
    def _lists_for_all_languages(cls, value: Any) -> Any:
        """A language that is left out keeps its voices, and one voice need not stand in a list."""
        if not isinstance(value, Mapping):
            return value
        defaults: dict[str, list[str]] = cls.model_fields["voices"].default
        return defaults | {language: [given] if isinstance(given, str) else given for language, given in value.items()}

    @field_validator("voices")
    @classmethod
    def _one_at_least(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for language, voices in value.items():
            if not voices:
                raise problem("{language} has no voice", language=language)
        return value


class AudioSettings(Strict):
    timeout_s: float = Setting(120.0, gt=0)
    templates_folder: Path | None = None
    templates: dict[Priority, str] = {
        Priority.NORMAL: "thong-bao",
        Priority.PRIORITY: "canh-bao",
        Priority.EMERGENCY: "khan-cap",
    }

    @field_validator("templates")
    @classmethod
    def _one_for_each_priority(cls, value: dict[Priority, str]) -> dict[Priority, str]:
        defaults: dict[Priority, str] = cls.model_fields["templates"].default
        return defaults | value


class StorageSettings(Strict):
    min_free_mb: int = Setting(200, ge=0)
    speech_cache_mb: int = Setting(500, ge=0)
    prune_every_s: float = Setting(3600.0, gt=0)


class TimetableSettings(Strict):
    days_ahead: int = Setting(7, ge=1, le=366)
    grace_s: float = Setting(300.0, ge=0)
    quiet_hours: list[str] = ["21:00", "05:00"]

    @field_validator("quiet_hours")
    @classmethod
    def _two_times(cls, value: list[str]) -> list[str]:
        if len(value) != 2:
            raise problem('quiet_hours takes two times, for example ["21:00", "05:00"]')
        for text in value:
            try:
                local_time(text)
            except InputError as error:
                raise ValueError(str(error)) from error
        if value[0] == value[1]:
            raise problem("quiet hours from {start} to {end} have no length", start=value[0], end=value[1])
        return value


class WorkerSettings(Strict):
    plan_every_s: float = Setting(60.0, gt=0)
    render_every_s: float = Setting(5.0, gt=0)
    air_every_s: float = Setting(0.5, gt=0)
    source_every_s: float = Setting(2.0, gt=0)
    misfire_grace_s: int = Setting(30, gt=0)
    confirm_within_s: float = Setting(60.0, gt=0)


class NetSettings(Strict):
    allowed_networks: list[str] = []

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for text in value:
            try:
                ip_network(text)
            except ValueError as error:
                raise problem("{value} is no network: write it like 192.168.10.0/24", value=text) from error
        return value


class LogSettings(Strict):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Strict):
    """Everything that can be set. Relative folders count from the folder the program runs in."""

    data_folder: Path = Path("data")
    language: Literal["auto", "vi", "en"] = "auto"
    database: DatabaseSettings = DatabaseSettings()
    bulletins: BulletinSettings = BulletinSettings()
    speech: SpeechSettings = SpeechSettings()
    audio: AudioSettings = AudioSettings()
    storage: StorageSettings = StorageSettings()
    timetable: TimetableSettings = TimetableSettings()
    worker: WorkerSettings = WorkerSettings()
    net: NetSettings = NetSettings()
    broker: BrokerSettings = BrokerSettings()
    door: DoorSettings = DoorSettings()
    alerts: AlertSettings = AlertSettings()
    log: LogSettings = LogSettings()

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_folder.absolute() / 'broadcaster.db'}"


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Config:
    """The settings for a folder. Raises ConfigError naming the file, the line and the nearest known key."""
    path = folder / FILE_NAME
    try:
        document = strict_yaml.load(path) if path.exists() else strict_yaml.Document("defaults", {}, {})
        if not isinstance(document.data, dict):
            raise ConfigError("{file} must hold settings as `name: value` lines.", file=path)
        document.validate(Config)  # first alone, so that its lines are named
        given = _override(document.data, os.environ if environment is None else environment)
        return strict_yaml.Document("environment variables", given, {}).validate(Config)
    except ConfigError:
        raise
    except InputError as error:
        raise ConfigError(error.message, **error.values) from error


def _override(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings with each `BROADCASTER__SECTION__KEY` put in; values are read as YAML."""
    result: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in settings.items()}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        *sections, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        target = result
        for section in sections:
            inner = target.setdefault(section, {})
            if not isinstance(inner, dict):
                raise ConfigError(
                    "The variable {variable} goes deeper than the setting {section}.",
                    variable=variable,
                    section=section,
                )
            target = inner
        try:
            target[key] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: 2026-02-30
            raise ConfigError(
                "The variable {variable} cannot be read: {error}", variable=variable, error=error
            ) from error
    return result


def load_here() -> Config:
    """The settings of the folder the program runs in."""
    return load(Path.cwd())
