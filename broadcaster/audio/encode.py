"""Samples to files: MP3 through LAME, WAV through the standard library. The same samples give the same bytes."""

import io
import wave

import lameenc

from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm
from broadcaster.errors import AudioError

MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# the fastest of 2 to 7: at 64 kbit/s for 22,050 Hz there are bits enough to do without a model of the ear, and both
# the noise (37 dB below the voice, against 30) and what is added to peaks come out lower than with one
LAME_QUALITY = 7
BLOCK_BYTES = 1 << 20


def mp3(sound: Pcm, bitrate_kbps: int) -> bytes:
    """A mono MP3 of constant bit rate at the sample rate of `sound`; AudioError for a rate MP3 does not know."""
    if sound.rate_hz not in MP3_RATES_HZ:
        raise AudioError("MP3 has no sample rate of {rate_hz} Hz.", rate_hz=sound.rate_hz)
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_bit_rate(bitrate_kbps)
    encoder.set_in_sample_rate(sound.rate_hz)
    encoder.set_out_sample_rate(sound.rate_hz)
    encoder.set_channels(1)
    encoder.set_quality(LAME_QUALITY)
    blocks = [
        bytes(encoder.encode(sound.samples[at : at + BLOCK_BYTES])) for at in range(0, len(sound.samples), BLOCK_BYTES)
    ]
    return b"".join([*blocks, bytes(encoder.flush())])


def wav(sound: Pcm) -> bytes:
    """A mono 16-bit WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(sound.rate_hz)
        file.writeframes(sound.samples)
    return target.getvalue()
