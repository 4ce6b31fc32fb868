"""The programs that ours is compared with: `espeak-ng` then `ffmpeg loudnorm`; and ffmpeg's loudness meter."""

import math
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

LOUDNESS_LUFS = -16.0
TRUE_PEAK_DBTP = -1.5


class MissingPeerError(Exception):
    """A program to compare with is not installed; the message says which and how to get it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What ffmpeg's `ebur128` shows of a finished file, to 0.001 LU and about 0.01 dB."""

    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Peers:
    """Both programs, found; `processes` of them run at once."""

    espeak: str
    ffmpeg: str
    processes: int

    @classmethod
    def found(cls, processes: int = 1) -> "Peers":
        espeak = shutil.which("espeak-ng")
        if espeak is None:
            raise MissingPeerError("The program espeak-ng is missing. On Debian or Ubuntu: sudo apt install espeak-ng")
        try:
            ffmpeg = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
        except RuntimeError as error:
            raise MissingPeerError(
                "The program ffmpeg is missing. On Debian or Ubuntu: sudo apt install ffmpeg"
            ) from error
        return cls(espeak, ffmpeg, processes)

    def versions(self) -> str:
        """What the two call themselves."""
        lines = (_output([self.espeak, "--version"]), _output([self.ffmpeg, "-version"]))
        return "; ".join(" ".join(line.split()[: 3 if line.startswith("ffmpeg") else 4]) for line in lines)

    def pipeline(self, texts: list[str], folder: Path, words_per_minute: int) -> list[Path]:
        """Each text spoken, brought to loudness and encoded as a person would do it in a shell."""

        def speak(number: int) -> Path:
            wav, mp3 = folder / f"{number}.wav", folder / f"{number}.mp3"
            _output([self.espeak, "-v", "vi", "-s", str(words_per_minute), "-w", str(wav), "--", texts[number]])
            loudness = f"loudnorm=I={LOUDNESS_LUFS:g}:TP={TRUE_PEAK_DBTP:g}"
            quality = ["-ar", "22050", "-b:a", "64k"]
            _output([self.ffmpeg, "-v", "error", "-y", "-i", str(wav), "-af", loudness, *quality, str(mp3)])
            return mp3

        with ThreadPoolExecutor(self.processes) as threads:
            return list(threads.map(speak, range(len(texts))))

    def heard(self, files: list[Path]) -> list[Heard]:
        """Each file as ffmpeg's meter measures it."""
        with ThreadPoolExecutor(self.processes) as threads:
            return list(threads.map(self._heard, files))

    def _heard(self, file: Path) -> Heard:
        meter = "ebur128=peak=true:metadata=1,ametadata=mode=print:file=-"
        lines = _output([self.ffmpeg, "-v", "error", "-i", str(file), "-af", meter, "-f", "null", "-"])
        loudness = re.findall(r"lavfi\.r128\.I=(\S+)", lines)[-1]  # each line is over all that was heard so far
        peak = re.findall(r"lavfi\.r128\.true_peaks_ch0=(\S+)", lines)[-1]
        return Heard(float(loudness), 20 * math.log10(float(peak)))


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
