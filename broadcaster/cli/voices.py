"""`broadcaster voices`: every voice there is, whether it would speak now, and how it sounds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from broadcaster import files
from broadcaster.application import Application, State, Status
from broadcaster.audio import encode
from broadcaster.cli.airing_line import on_one_line
from broadcaster.cli.context import Json, console, opened, progress, show
from broadcaster.domain.sound import Voice
from broadcaster.errors import AudioError, InputError, SpeechError
from broadcaster.words import Words

SENTENCES = {
    "vi": "Xin chào bà con. Đây là giọng đọc thử của loa truyền thanh xã.",
    "en": "Good morning, everyone. This is how this voice sounds on the loudspeaker.",
    "bn": "সবাইকে শুভেচ্ছা। লাউডস্পিকারে এই কণ্ঠ এমন শোনায়।",
}
ANY_LANGUAGE = "1, 2, 3, 4, 5."
BITRATE_KBPS = 64
_COLUMNS = ["voice", "language", "engine", "state", "fault"]


def register(app: typer.Typer) -> None:
    app.command("voices")(voices)


def voices(
    sample: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a sentence of each voice that is ready there, as MP3.")
    ] = None,
    as_json: Json = False,
) -> None:
    """All voices, and whether each would speak now: ready, paused, disabled, or what is wrong with it.

    A recording says only its own text and has no sample.
    """
    with opened("voices", needs_database=False) as (built, words):
        with progress() as bar:
            bar.add_task(words("Trying the voices"), total=None)
            tried = list(built.voice_statuses())
            faults = [status for status in built.engine_statuses() if status.fault is not None]
        rows = [*(_row(status, words, voice) for voice, status in tried), *(_row(status, words) for status in faults)]
        show(rows, _COLUMNS, as_json=as_json)
        if sample is not None:
            ready = [voice for voice, status in tried if status.state is State.READY and not voice.is_recording]
            written = [path for voice in ready if (path := _sampled(built, words, voice, sample)) is not None]
            text = words("{count} samples are in {folder}.", count=len(written), folder=sample)
            console(stderr=True).print(text, markup=False)


def _row(status: Status, words: Words, voice: Voice | None = None) -> dict[str, Any]:
    return {
        "voice": voice.name if voice else None,
        "language": voice.language if voice else None,
        "engine": voice.engine if voice else status.component.removeprefix("engine "),
        "state": str(status.state),
        "fault": on_one_line(words.error(status.fault)) if status.fault else None,
    }


def _sampled(built: Application, words: Words, voice: Voice, folder: Path) -> Path | None:
    """The file with a sentence of a voice; None, and told, where it cannot speak after all."""
    try:
        sound = built.studio.speaker.speak(SENTENCES.get(voice.language, ANY_LANGUAGE), voice.name)
        content = encode.mp3(sound, BITRATE_KBPS)
    except (SpeechError, AudioError) as error:
        console(stderr=True).print(words.error(error), markup=False, soft_wrap=True)
        return None
    path = folder / f"{voice.name.replace('/', '-')}.mp3"
    try:
        files.write(path, content)
    except OSError as error:
        raise InputError("{file} cannot be written: {error}", file=path, error=error) from error
    return path
