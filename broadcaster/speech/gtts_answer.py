"""What Google's speech service answers, turned into sound. It comes from outside, so this runs in a child process.

The answer is Google's batchexecute envelope: `)]}'`, then for each part a line with its length and a line of JSON. The
part `["wrb.fr", "jQ1olc", "[\\"base64 of an MP3\\"]", ...]` holds the sound; its third field is null where the service
has none to give. Source: gTTS 2.5.4, `gtts/tts.py`, which searches for the same part by pattern.
"""

import base64
import json
from collections.abc import Iterator

from broadcaster.audio.decode import decode
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, SpeechError
from broadcaster.speech.base import checked, longest_ms
from broadcaster.speech.speaker import trimmed

ENGINE = "gtts"
RPC = "jQ1olc"
SHORTEST_PER_LETTER_MS = 30  # the service takes 50 to 80 in Vietnamese, English and Bengali


def sound_of(body: bytes, text: str) -> Pcm:
    """The sound of `text` without the silence at its ends.

    SpeechError when the answer is something else, damaged, silent, cut short, or far too long.
    """
    try:
        decoded = decode(_mp3(body), longest_ms=longest_ms(text))
    except (AudioError, ValueError, RecursionError) as error:
        raise SpeechError(
            "{engine} answered with something other than the sound of “{text}”: {error}",
            engine=ENGINE,
            text=text[:80],
            error=error if isinstance(error, AudioError) else str(error),
        ) from error
    sound = trimmed(checked(decoded, text, ENGINE))
    if sound.duration_ms < SHORTEST_PER_LETTER_MS * sum(letter.isalnum() for letter in text):
        raise SpeechError("{engine} gave only the beginning of “{text}”.", engine=ENGINE, text=text[:80])
    return sound


def _mp3(body: bytes) -> bytes:
    """The sound file inside an answer. ValueError when there is none."""
    for part in _parts(body):
        match part:
            case ["wrb.fr", name, str(content), *_] if name == RPC:
                match json.loads(content):
                    case [str(sound), *_]:
                        return base64.b64decode(sound, validate=True)
    raise ValueError("no sound in it")


def _parts(body: bytes) -> Iterator[object]:
    for line in body.split(b"\n"):
        if line.startswith(b"[["):
            yield from json.loads(line)
