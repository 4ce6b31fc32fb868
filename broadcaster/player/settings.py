"""What is set at the loudspeaker itself, in `player.yaml` in its folder: how it sounds, and what is wired to it.

Who it is and what it may play is not here: that comes from the server with the enrolment (`identity`).
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field as Setting
from pydantic import field_validator, model_validator

from broadcaster import strict_yaml
from broadcaster.audio.play import sink_for
from broadcaster.errors import ConfigError
from broadcaster.player import names
from broadcaster.strict_yaml import Strict, problem


class SwitchSettings(Strict):
    """A switch by hand, as a file: one that is there or not, or a GPIO line whose value is 0 or 1."""

    file: Path | None = None
    stops_when: Literal["there", "0", "1"] = "there"


class AmplifierSettings(Strict):
    """A GPIO line that tells whether the amplifier is on."""

    file: Path | None = None
    on_when: Literal["0", "1"] = "1"


class MicrophoneSettings(Strict):
    enabled: bool = False
    silent_below_dbfs: float = Setting(-45.0, ge=-90, lt=0)


class Settings(Strict):
    sink: str = "device"
    volume_limit_percent: int = Setting(100, ge=0, le=100)
    quota_mb: int = Setting(500, ge=1)
    link: Literal["auto", "mqtt", "http", "stick"] = "auto"
    stick: Path | None = None
    poll_s: float = Setting(15.0, ge=1, le=3600)
    tls_ca: Path | None = None
    switch: SwitchSettings = SwitchSettings()
    amplifier: AmplifierSettings = AmplifierSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.link == "stick" and self.stick is None:
            raise problem("write where the stick is mounted", key="stick")
        return self

    @field_validator("sink")
    @classmethod
    def _known_sink(cls, value: str) -> str:
        try:
            sink_for(value)
        except ConfigError as error:
            raise problem(error.message, **error.values) from error
        return value


def load(folder: Path) -> Settings:
    """What stands in a loudspeaker's folder; the defaults where nothing does. Raises InputError."""
    path = folder / names.SETTINGS
    return strict_yaml.load(path).validate(Settings) if path.exists() else Settings()
