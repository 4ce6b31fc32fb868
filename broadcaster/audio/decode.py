"""Sound files of our own making, back to samples. Files of others go through ffmpeg in a closed process, never here."""

import io

import miniaudio

from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError

CHUNK_FRAMES = 16_384


def decode(data: bytes, *, longest_ms: int | None = None) -> Pcm:
    """The samples of an MP3 or WAV file at its own rate, several channels mixed to one.

    AudioError when it is neither, is damaged, or is longer than `longest_ms`.
    """
    rate_hz = rate_of(data)
    room = None if longest_ms is None else rate_hz * longest_ms // 1000
    samples = io.BytesIO()  # hands out what it holds without a copy
    frames = 0
    try:
        for chunk in miniaudio.stream_memory(
            data, miniaudio.SampleFormat.SIGNED16, 1, rate_hz, frames_to_read=CHUNK_FRAMES
        ):
            samples.write(chunk)
            frames += len(chunk)
            if room is not None and frames > room:
                raise AudioError("The sound is longer than {seconds} s.", seconds=(longest_ms or 0) / 1000)
    except miniaudio.MiniaudioError as error:
        raise AudioError("The sound is damaged: {error}", error=str(error)) from error
    if not frames:
        raise AudioError("The sound file holds no sound.")
    return Pcm(samples.getvalue(), rate_hz)


def rate_of(data: bytes) -> int:
    """The sample rate of an MP3 or WAV file in Hz; AudioError when it is neither."""
    read_info = miniaudio.wav_get_info if data[:4] == b"RIFF" else miniaudio.mp3_get_info
    try:
        return int(read_info(data).sample_rate)
    except miniaudio.MiniaudioError as error:
        raise AudioError("This is not an MP3 or WAV file that can be read: {error}", error=str(error)) from error
