"""What `say` and `bulletin listen` leave behind: a sound file, the picture of it, and a line on both."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster import files
from broadcaster.audio import waveform
from broadcaster.errors import InputError
from broadcaster.words import Words

Waveform = Annotated[Path | None, typer.Option("--waveform", metavar="OUT.svg", help="A picture of the sound.")]


def check_picture(path: Path | None) -> None:
    """Raise InputError for a name that no picture has, before anything is made."""
    if path is not None and path.suffix.lower() != ".svg":
        raise InputError("{file}: the name must end in .svg.", file=path)


def write(path: Path, data: bytes) -> None:
    """Write a file whole. Raises InputError where it cannot be written."""
    try:
        files.write(path, data)
    except OSError as error:
        raise InputError("{file} cannot be written: {error}", file=path, error=error) from error


def draw(path: Path | None, peaks: bytes, duration_ms: int, words: Words) -> None:
    """Write the picture of a sound, where one is asked for."""
    if path is not None:
        write(path, waveform.svg(peaks, duration_ms, words("Waveform")).encode())


def described(words: Words, file: Path, duration_ms: int, loudness_lufs: float, true_peak_dbtp: float) -> str:
    """How long and how loud a sound file is."""
    return words(
        "{file}: {seconds} s, {lufs} LUFS, true peak {peak} dBTP",
        file=file,
        seconds=f"{duration_ms / 1000:.1f}",
        lufs=f"{loudness_lufs:.1f}",
        peak=f"{true_peak_dbtp:.1f}",
    )
