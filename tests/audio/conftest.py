"""The cast of the audio tests: the real templates, the real voice, and ffmpeg as the meter that is not ours."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from broadcaster.audio.template import Template, find
from broadcaster.domain.sound import Pcm
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.speaker import Speaker

TEMPLATES = Path(__file__).parents[2] / "audio_templates"
NAMES = ("thong-bao", "canh-bao", "khan-cap", "loa-nen")

BULLETIN = (
    "Thời gian gần đây, một số đối tượng giả danh nhân viên điện lực gọi điện, nhắn tin yêu cầu khách hàng cài ứng "
    "dụng lạ để thanh toán tiền điện. Đề nghị bà con không cung cấp thông tin cá nhân, không bấm vào đường dẫn lạ, "
    "không liên kết tài khoản ngân hàng với ứng dụng không rõ nguồn gốc. Điện lực không bao giờ yêu cầu chuyển tiền "
    "vào tài khoản cá nhân."
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What ffmpeg's ebur128 filter shows."""

    loudness_lufs: float
    true_peak_dbtp: float


def ebur128(path: Path) -> Heard:
    """`path` decoded and measured by ffmpeg, which shares no code with ours."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = shown[shown.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness is not None
    assert peak is not None
    return Heard(float(loudness[1]), float(peak[1]))


@pytest.fixture(scope="session")
def speaker() -> Speaker:
    return Speaker([Espeak()])


@pytest.fixture(scope="session")
def long_reading(speaker: Speaker) -> Pcm:
    return speaker.speak(BULLETIN, "espeak/vi")


@pytest.fixture(scope="session")
def short_reading(speaker: Speaker) -> Pcm:
    return speaker.speak("Chào.", "espeak/vi")


@pytest.fixture(params=NAMES)
def template(request: pytest.FixtureRequest) -> Template:
    return find(str(request.param), [TEMPLATES])
