"""Settings: strict models, `config.yaml` over the defaults, `BROADCASTER__SECTION__KEY` over both.

The models are the reference; `config.yaml` in the project shows each with its default and one comment line, and a
test holds the two together.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field as Setting
from pydantic import field_validator

from broadcaster import strict_yaml
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.timetable import local_time
from broadcaster.errors import ConfigError, InputError
from broadcaster.strict_yaml import Strict

ENVIRONMENT_PREFIX = "BROADCASTER__"
FILE_NAME = "config.yaml"


class DatabaseSettings(Strict):
    url: str | None = None
    busy_timeout_s: float = Setting(30.0, gt=0)


class BulletinSettings(Strict):
    max_characters: int = Setting(20_000, gt=0)
    approval_days: int = Setting(90, gt=0)


class SpeechSettings(Strict):
    voices: dict[str, str] = {"vi": "espeak/vi", "en": "espeak/en", "bn": "espeak/bn"}
    words_per_minute: int = Setting(155, ge=80, le=300)
    children: int = Setting(0, ge=0)
    timeout_s: float = Setting(60.0, gt=0)


class AudioSettings(Strict):
    timeout_s: float = Setting(120.0, gt=0)
    templates_folder: Path | None = None
    templates: dict[Priority, str] = {
        Priority.NORMAL: "thong-bao",
        Priority.PRIORITY: "canh-bao",
        Priority.EMERGENCY: "khan-cap",
    }


class TimetableSettings(Strict):
    days_ahead: int = Setting(7, ge=1, le=366)
    grace_s: float = Setting(300.0, ge=0)
    quiet_hours: list[str] = ["21:00", "05:00"]

    @field_validator("quiet_hours")
    @classmethod
    def _two_times(cls, value: list[str]) -> list[str]:
        if len(value) != 2:
            raise ValueError('quiet_hours takes two times, for example ["21:00", "05:00"]')
        for text in value:
            try:
                local_time(text)
            except InputError as error:
                raise ValueError(str(error)) from error
        return value


class WorkerSettings(Strict):
    plan_every_s: float = Setting(60.0, gt=0)
    render_every_s: float = Setting(5.0, gt=0)
    air_every_s: float = Setting(0.5, gt=0)
    misfire_grace_s: int = Setting(30, gt=0)
    confirm_within_s: float = Setting(60.0, gt=0)


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
    timetable: TimetableSettings = TimetableSettings()
    worker: WorkerSettings = WorkerSettings()
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
        except yaml.YAMLError as error:
            raise ConfigError(
                "The variable {variable} cannot be read: {error}", variable=variable, error=error
            ) from error
    return result


def load_here() -> Config:
    """The settings of the folder the program runs in."""
    return load(Path.cwd())
