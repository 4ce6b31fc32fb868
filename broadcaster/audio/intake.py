"""The only way in for sound files of others: an ffmpeg shut off from everything, told what it will find.

The demuxer is fixed by the first bytes of the file, never guessed, so that a playlist dressed as a sound is no
playlist; nothing of the file's name reaches the command; protocols other than the one file are closed; memory, time
and the length of the sound are limited. Where the system has them, the limits are the kernel's.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from broadcaster.audio.segments import NEAR_SILENCE, peak
from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm
from broadcaster.errors import AudioError, InputError

RATE_HZ = 24_000
LARGEST_BYTES = 20_000_000
LONGEST_S = 15 * 60
SHORTEST_MS = 500
RATES_HZ = range(8_000, 192_001)
MOST_CHANNELS = 8
MEMORY_BYTES = 1 << 30
MOST_TOLD = 65_536
PCM = "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav"

# One sample goes aside, to be described with its rate and its channels in figures: a layout has names without end.
_LOOK = "[0:a:0]asplit[sound][look];[look]atrim=end_sample=1,ashowinfo,anullsink"
_LOOKED = re.compile(r"^\[Parsed_ashowinfo_\S+ @ .* channels:(?P<channels>\d+) .*rate:(?P<rate>\d+) ", re.MULTILINE)
_TOO_LARGE = "The file has {megabytes} MB; at most {limit} MB are taken. Save it as MP3, or make it shorter."
_CUT_SHORT = "The file is cut short. Record or save it again."
_LIMITED = """
import os, resource, sys
memory, seconds = int(sys.argv[1]), int(sys.argv[2])
for kind, most in (
    (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)
):
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):  # macOS has no limit of addresses
        pass
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Started by itself rather than in a `preexec_fn`, which may hang a program that has threads."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sound file: ffmpeg's demuxer, the decoders that may be used, and whether it is read back and forth.

    `has_tail`: padding or tags may follow the sound, which a decoder that takes nothing amiss would fail at.
    """

    demuxer: str
    decoders: str
    seeks: bool = False
    has_tail: bool = False


WAV = Kind("wav", PCM)
MP3 = Kind("mp3", "mp3float,mp3", has_tail=True)
OGG = Kind("ogg", "opus,libopus,vorbis,libvorbis,flac")
FLAC = Kind("flac", "flac")
M4A = Kind("mov", "aac,libfdk_aac,alac,mp3float,mp3", seeks=True)


def kind_of(data: bytes) -> Kind:
    """The kind of a file by its first bytes. Raises InputError for anything that is no sound we take."""
    if data[:4] in {b"RIFF", b"RF64"} and data[8:12] == b"WAVE":
        _check_whole_wav(data)
        return WAV
    if data[:4] == b"OggS":
        _check_whole_ogg(data)
        return OGG
    if data[:4] == b"fLaC":
        return FLAC
    if data[4:8] == b"ftyp":
        return M4A
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE6 in {0xE2, 0xE4, 0xE6}):
        return MP3
    if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:7].upper() in {b"#EXTM3U", b"[PLAYLI", b"FFCONCA"}:
        raise InputError("This is a playlist, not a sound. Save the sound itself as MP3 or WAV.")
    raise InputError("This is no sound file that can be taken. Save it as WAV, MP3, OGG, FLAC or M4A.")


def take_in(data: bytes, *, timeout_s: float = 60.0) -> Pcm:
    """The sound of a WAV, MP3, OGG, FLAC or M4A file, mono at 24,000 Hz, 0.5 s to 15 min long.

    InputError where the file is of another kind, too large, too long, too short, silent, or would need more than
    its share of time or memory; AudioError where there is no ffmpeg.
    """
    if not data:
        raise InputError("The file is empty. Record or save it again.")
    if len(data) > LARGEST_BYTES:
        raise InputError(_TOO_LARGE, megabytes=len(data) // 1_000_000, limit=LARGEST_BYTES // 1_000_000)
    kind = kind_of(data)
    program = _ffmpeg()
    with tempfile.TemporaryDirectory(prefix="broadcaster-intake-") as folder:
        file = Path(folder).absolute() / "sound"
        file.write_bytes(data)
        samples = _decoded(_command(program, kind, file, timeout_s), file, timeout_s)
    sound = Pcm(samples[: len(samples) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE], RATE_HZ)
    if sound.duration_ms > LONGEST_S * 1000:
        raise InputError("The sound is longer than {minutes} min. Make it shorter.", minutes=LONGEST_S // 60)
    if sound.duration_ms < SHORTEST_MS:
        raise InputError("The sound is shorter than half a second, or the file is damaged. Record or save it again.")
    if peak(sound) < NEAR_SILENCE:
        raise InputError("There is only silence in this file. Check the microphone and record it again.")
    return sound


def _ffmpeg() -> Path:
    """ffmpeg of the system, else the one that came with the program."""
    found = shutil.which("ffmpeg")
    try:
        return Path(found or imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except RuntimeError as error:
        raise AudioError(
            "Sound files cannot be taken in, because there is no ffmpeg. Install it, or run scripts/start again."
        ) from error


def _command(program: Path, kind: Kind, file: Path, timeout_s: float) -> list[str]:
    source, protocol = (f"file:{file}", "file") if kind.seeks else ("pipe:0", "pipe")
    strict = [] if kind.has_tail else ["-xerror", "-err_detect", "explode"]
    command = [
        str(program), "-nostdin", "-hide_banner", "-v", "info", "-nostats", *strict,
        "-max_alloc", str(MEMORY_BYTES // 4), "-threads", "1",
        "-protocol_whitelist", protocol, "-format_whitelist", kind.demuxer, "-codec_whitelist", kind.decoders,
        "-t", str(LONGEST_S + 1), "-f", kind.demuxer, "-i", source,
        "-filter_complex_threads", "1", "-filter_complex", _LOOK, "-map", "[sound]",
        "-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1",
        "-ac", "1", "-ar", str(RATE_HZ), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1",
    ]  # fmt: skip
    if sys.platform == "win32":
        return command
    return [sys.executable, "-I", "-S", "-c", _LIMITED, str(MEMORY_BYTES), str(int(timeout_s) + 1), *command]


def _decoded(command: list[str], file: Path, timeout_s: float) -> bytes:
    """What ffmpeg made of the file and the last of what it said; it has no say in how much of either is kept."""
    most_bytes = (LONGEST_S + 2) * RATE_HZ * BYTES_PER_SAMPLE
    with (
        file.open("rb") as source,
        subprocess.Popen(  # noqa: S603 - our own arguments, and an absolute program
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=file.parent, env=_environment()
        ) as child,
        ThreadPoolExecutor(2) as threads,
    ):
        assert child.stdout is not None
        assert child.stderr is not None
        samples = threads.submit(_first, child.stdout, most_bytes)
        telling = threads.submit(_last, child.stderr, MOST_TOLD)
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise InputError("The file takes too long to read. Save it again as WAV or MP3.") from error
        finally:
            child.kill()
    told = telling.result().decode("utf-8", "replace")
    _check_header(told)
    if "matches no streams" in told:
        raise InputError("There is no sound in this file. Save it as WAV or MP3.")
    if child.returncode != 0:
        raise InputError("The file is damaged or cut short: {error}. Record or save it again.", error=_last_line(told))
    return samples.result()


def _environment() -> dict[str, str]:
    """Nothing of ours; Windows starts no program without its own folder."""
    return {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


def _first(stream: IO[bytes], most: int) -> bytes:
    """At most so many bytes; whoever writes more finds the pipe closed."""
    with stream:
        return stream.read(most)


def _last(stream: IO[bytes], most: int) -> bytes:
    """The end of what a stream says, at most so many bytes."""
    said = b""
    while more := stream.read(most):
        said = (said + more)[-most:]
    return said


def _last_line(told: str) -> str:
    """What ffmpeg said last, without addresses in memory."""
    lines = [re.sub(r"^\[[^\]]*\] ", "", line).strip() for line in told.splitlines() if line.strip()]
    return lines[-1][:120].rstrip(".") if lines else "-"


def _check_header(told: str) -> None:
    """Raise InputError where the file claims what no recording has."""
    for found in _LOOKED.finditer(told):
        if int(found["rate"]) not in RATES_HZ or int(found["channels"]) > MOST_CHANNELS:
            raise InputError(
                "The file claims {rate} Hz and {channels} channels. Save it again at 44100 Hz in mono or stereo.",
                rate=found["rate"],
                channels=found["channels"],
            )


def _check_whole_wav(data: bytes) -> None:
    """ffmpeg takes what is there of a WAV file; its header tells whether that is all. Recorders that stream leave 0."""
    place = 12  # chunks: four letters, a length, as many bytes, and one more where that is odd
    while data[:4] == b"RIFF" and place + 8 <= len(data):
        declared = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            if declared not in {0, 0xFFFFFFFF} and declared > len(data) - place - 8:
                raise InputError(_CUT_SHORT)
            return
        place += 8 + declared + declared % 2


def _check_whole_ogg(data: bytes) -> None:
    """The last page says that it is the last, and is there to its end (RFC 3533: flag 4; the lengths of its parts)."""
    last = data.rfind(b"OggS")
    parts = data[last + 27 : last + 27 + data[last + 26]] if len(data) > last + 26 else b""
    if not parts or not data[last + 5] & 4 or len(data) < last + 27 + len(parts) + sum(parts):
        raise InputError(_CUT_SHORT)
