"""A sound template: a folder with `template.yaml` and, when it names one, a chime."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from broadcaster import strict_yaml
from broadcaster.audio.decode import decode
from broadcaster.domain.bulletin import Placeholder, placeholders
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, InputError

FILE = "template.yaml"
LONGEST_FILE_BYTES = 65_536
LONGEST_CHIME_MS = 30_000
LEAST_ROOM_DB = 12
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class _Exact(strict_yaml.Strict):
    """Takes every value as it is written: the text '2' is no number, and 1.5 no count."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Output(_Exact):
    """The finished file: mono MP3 of constant bit rate. Each of these carries what a horn does, up to 6 kHz."""

    format: Literal["mp3"] = "mp3"
    sample_rate_hz: Literal[16000, 22050, 24000, 32000, 44100, 48000] = 22050
    bitrate_kbps: Literal[32, 40, 48, 56, 64, 80, 96, 112, 128] = 64


class Settings(_Exact):
    """`template.yaml`, key by key. Times in ms, loudness per ITU-R BS.1770-5."""

    title: Words
    chime: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*\.wav$")] | None
    chime_level_db: float = Field(default=-3.0, ge=-30, le=6)
    opening: dict[Language, Words] = Field(default_factory=dict)
    closing: dict[Language, Words] = Field(default_factory=dict)
    readings: int = Field(default=1, ge=1, le=5)
    gap_ms: int = Field(default=1500, ge=0, le=60_000)
    chime_gap_ms: int = Field(default=500, ge=0, le=10_000)
    words_gap_ms: int = Field(default=700, ge=0, le=10_000)
    lead_silence_ms: int = Field(default=300, ge=150, le=10_000)
    tail_silence_ms: int = Field(default=500, ge=0, le=10_000)
    profile: Literal["flat", "horn"] = "flat"
    loudness_lufs: float = Field(default=-16.0, ge=-31, le=-14)
    true_peak_dbtp: float = Field(default=-1.5, ge=-9, le=-1)
    output: Output = Output()

    @field_validator("opening", "closing")
    @classmethod
    def _known_placeholders(cls, value: dict[str, str]) -> dict[str, str]:
        try:
            placeholders("".join(value.values()))
        except InputError as error:
            raise strict_yaml.problem(error.message, **error.values) from error
        return value

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        """A limiter brings speech to within some 11 dB of its peaks, not nearer."""
        if self.true_peak_dbtp - self.loudness_lufs < LEAST_ROOM_DB:
            raise strict_yaml.problem("true_peak_dbtp must lie at least 12 dB above loudness_lufs")
        return self


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was when loaded: later changes in its folder do not reach it. `sha256` is over both files."""

    name: str
    settings: Settings
    chime: Pcm | None
    sha256: str

    def opening(self, language: str) -> str | None:
        """The words before the reading in `language`; None when the template has none."""
        return self.settings.opening.get(language)

    def closing(self, language: str) -> str | None:
        """The words after the reading in `language`; None when the template has none."""
        return self.settings.closing.get(language)

    def placeholders(self, language: str) -> frozenset[Placeholder]:
        """What stands in braces in the words around the reading, to be filled as in the text."""
        return placeholders(f"{self.opening(language)}{self.closing(language)}")


def names(folders: Sequence[Path]) -> tuple[str, ...]:
    """The names of all templates in `folders`, sorted, each once."""
    return tuple(
        sorted(
            {
                path.parent.name
                for folder in folders
                for path in folder.glob(f"*/{FILE}")
                if NAME.fullmatch(path.parent.name)
            }
        )
    )


def find(name: str, folders: Sequence[Path]) -> Template:
    """The template `name` from the first of `folders` that has it; InputError names those that exist."""
    if NAME.fullmatch(name):
        for folder in folders:
            if (folder / name / FILE).is_file():
                return load(folder / name)
    raise InputError(
        "There is no sound template {name}. Templates: {names}.", name=name[:80], names=", ".join(names(folders)) or "-"
    )


def load(folder: Path) -> Template:
    """The template in `folder`; InputError names the file and the key, AudioError the chime that cannot be used."""
    path = folder / FILE
    text = _content(path)
    settings = _settings(path, text)
    chime_bytes = b"" if settings.chime is None else _chime_bytes(folder / settings.chime)
    digest = hashlib.sha256(len(text).to_bytes(8, "big") + text + chime_bytes)
    return Template(
        folder.name,
        settings,
        None if settings.chime is None else _chime(folder / settings.chime, chime_bytes),
        digest.hexdigest(),
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            "The sound template {path} cannot be read: {error}", path=path, error=error.strerror
        ) from error
    if len(text) > LONGEST_FILE_BYTES:
        raise InputError("The sound template {path} is longer than 64 kB.", path=path)
    return text


def _settings(path: Path, content: bytes) -> Settings:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("{path} is not written in UTF-8.", path=path) from error
    return strict_yaml.parse(text, str(path)).validate(Settings)


def _chime_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AudioError(
            "The chime {path} cannot be read ({error}). Run scripts/make_chimes, put a WAV file there, "
            "or write `chime: null` in {file}.",
            path=path,
            error=error.strerror,
            file=path.parent / FILE,
        ) from error


def _chime(path: Path, content: bytes) -> Pcm:
    try:
        return decode(content, longest_ms=LONGEST_CHIME_MS)
    except AudioError as error:
        raise AudioError(
            "The chime {path} cannot be used: {error} Run scripts/make_chimes or put a WAV file of at most 30 s there.",
            path=path,
            error=str(error),
        ) from error
