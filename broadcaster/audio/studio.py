"""The finished clip: mixed, brought to loudness, encoded, and measured again as a loudspeaker will decode it."""

from typing import Literal

from broadcaster.audio import waveform
from broadcaster.audio.template import Template
from broadcaster.domain.sound import Pcm, Sound
from broadcaster.errors import AudioError

VERSION = "studio-2"  # changes when the same parts would give another clip
Format = Literal["mp3", "wav"]

AIM_LU = 0.25  # half of what is promised to a meter that is not ours
AIM_DB = 0.1  # kept under the limit, for meters that oversample more finely
LIMITER_DB = 0.05  # what the limiter may miss its ceiling by
# LAME encodes everything at 0.95 of its level; quantisation then adds to the peaks, more at lower bit rates
MP3_LOSS_DB = 0.446
MP3_OVERSHOOT_DB = 0.3
TRIES = 5


def make_sound(
    template: Template, opening: Pcm | None, reading: Pcm, closing: Pcm | None, fmt: Format = "mp3"
) -> Sound:
    """The clip of `reading` in `template`, within 0.5 LU of its loudness and under its true peak once decoded.

    Costly in time and memory: run it in a child. AudioError for silence or a sound that cannot be made so loud.
    """
    # numpy and scipy are for children only: what imports this module stays small
    from broadcaster.audio import horn  # noqa: PLC0415
    from broadcaster.audio.limiter import Master  # noqa: PLC0415
    from broadcaster.audio.loudness import measure  # noqa: PLC0415
    from broadcaster.audio.mix import mix  # noqa: PLC0415

    settings = template.settings
    mixed = mix(template, opening, reading, closing)
    master = Master(horn.shaped(mixed) if settings.profile == "horn" else mixed)
    del mixed  # the master holds what it needs of it
    aim_lufs = settings.loudness_lufs + (MP3_LOSS_DB if fmt == "mp3" else 0.0)
    ceiling_dbtp = settings.true_peak_dbtp - AIM_DB - LIMITER_DB
    ceiling_dbtp += MP3_LOSS_DB - MP3_OVERSHOOT_DB if fmt == "mp3" else 0.0
    for _ in range(TRIES):
        data, heard = _encoded(master.at(aim_lufs, ceiling_dbtp), fmt, settings.output.bitrate_kbps)
        measured = measure(heard)
        missing_lu = settings.loudness_lufs - measured.loudness_lufs
        over_db = measured.true_peak_dbtp - (settings.true_peak_dbtp - AIM_DB)
        if abs(missing_lu) <= AIM_LU and over_db <= 0:
            drawn = waveform.peaks(heard)
            return Sound(data, heard.duration_ms, measured.loudness_lufs, measured.true_peak_dbtp, drawn)
        aim_lufs += missing_lu
        ceiling_dbtp -= over_db + AIM_DB if over_db > 0 else 0.0
    raise AudioError(
        "This sound cannot be brought to {loudness} LUFS below {peak} dBTP: it holds too little speech. "
        "Check the voice and the text, or choose a quieter template.",
        loudness=settings.loudness_lufs,
        peak=settings.true_peak_dbtp,
    )


def _encoded(sound: Pcm, fmt: Format, bitrate_kbps: int) -> tuple[bytes, Pcm]:
    """The file, and what a decoder makes of it."""
    from broadcaster.audio import encode  # noqa: PLC0415
    from broadcaster.audio.decode import decode  # noqa: PLC0415

    if fmt == "wav":
        return encode.wav(sound), sound
    data = encode.mp3(sound, bitrate_kbps)
    del sound  # as large as what comes next
    return data, decode(data)
