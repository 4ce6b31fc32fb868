"""`broadcaster say`: a text as a sound file, exactly as it would air."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.context import console, opened, progress
from broadcaster.cli.sound_files import Waveform, check_picture, described, draw, write
from broadcaster.domain.bulletin import Priority, placeholders
from broadcaster.errors import InputError


def register(app: typer.Typer) -> None:
    app.command()(say)


def say(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.mp3|.wav", help="The sound file to write.")],
    text: Annotated[str | None, typer.Argument(help="What is to be said.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A text file to say instead.")] = None,
    template: Annotated[str | None, typer.Option(help="The sound template; the ordinary one by default.")] = None,
    voice: Annotated[str | None, typer.Option(help="The voice, for example espeak/vi.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code; the voice's own, or vi.")] = None,
    waveform: Waveform = None,
) -> None:
    """Say a text into a sound file, with chime, opening words and loudness of the template."""
    written = _text(text, file)
    fmt = output.suffix.lower().removeprefix(".")
    if fmt not in ("mp3", "wav"):
        raise InputError("{file}: the name must end in .mp3 or .wav.", file=output)
    check_picture(waveform)
    if used := placeholders(written):
        raise InputError(
            "The text holds {placeholder}; write out what is to be said there.", placeholder=f"{{{min(used)}}}"
        )
    with opened(needs_database=False) as (built, words):
        speaker = built.studio.speaker
        spoken_language = language or (speaker.voice(voice).language if voice else "vi")
        design = template or built.config.audio.templates[Priority.NORMAL]
        voices = built.studio.order(spoken_language, voice)
        script = built.studio.script(written, spoken_language, design, voices)
        errors = console(stderr=True)
        with progress() as bar:
            bar.add_task(words("Speaking"), total=None)
            spoken = built.studio.sound(script, "wav" if fmt == "wav" else "mp3")
        sound = spoken.sound
        write(output, sound.data)
        draw(waveform, sound.peaks, sound.duration_ms, words)
        errors.print(script.spoken, markup=False)
        if spoken.voice.name != voices[0]:
            errors.print(words("{voice} spoke, because {first} could not.", voice=spoken.voice.name, first=voices[0]))
        line = described(words, output, sound.duration_ms, sound.loudness_lufs, sound.true_peak_dbtp)
        errors.print(line, markup=False)


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise InputError("Give either a text or --file, for example: broadcaster say 'Xin chào' -o xin-chao.mp3")
    if text is not None:
        return text
    assert file is not None
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("{file} cannot be read: {error}", file=file, error=error) from error
