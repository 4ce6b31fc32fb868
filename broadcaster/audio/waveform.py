"""The picture of a clip: the highest sample of each of some hundred equal stretches, and a drawing of them."""

import html

from broadcaster.audio.decode import decode
from broadcaster.domain.sound import Pcm

COUNT = 300
FULL = 255  # a stretch that reaches full scale
HEIGHT = 100


def peaks(sound: Pcm, count: int = COUNT) -> bytes:
    """`count` values of 0 to 255, the highest absolute sample in each stretch; fewer where there are fewer samples."""
    import numpy as np  # noqa: PLC0415 - who only draws needs none

    samples = np.frombuffer(sound.samples, np.int16)
    count = min(count, len(samples))
    if count == 0:
        return b""
    starts = np.arange(count, dtype=np.int64) * len(samples) // count
    highest = np.maximum.reduceat(samples, starts).astype(np.int32)
    lowest = np.minimum.reduceat(samples, starts).astype(np.int32)
    heights = np.maximum(highest, -lowest) * FULL / -int(np.iinfo(np.int16).min)
    return np.ceil(heights).astype(np.uint8).tobytes()  # what sounds at all is seen


def of_file(data: bytes) -> bytes:
    """The peaks of an MP3 or WAV file of our own making. AudioError where it cannot be decoded."""
    return peaks(decode(data))


def svg(heights: bytes, duration_ms: int, label: str) -> str:
    """A drawing of `peaks` in the colour of the text around it, as wide and as high as the place it is given.

    Its title, for those who do not see it, is the label with the duration in minutes and seconds.
    """
    middle = HEIGHT // 2
    halves = [max(height * middle / FULL, 0.5) for height in heights]  # silence is a thin line
    lines = "".join(f"M{at} {middle - half:.1f}V{middle + half:.1f}" for at, half in enumerate(halves))
    seconds = round(duration_ms / 1000)
    title = html.escape(f"{label} {seconds // 60}:{seconds % 60:02}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="-1 0 {len(heights) + 1} {HEIGHT}" '
        f'preserveAspectRatio="none"><title>{title}</title>'
        f'<path d="{lines}" fill="none" stroke="currentColor" stroke-width="0.7"/></svg>\n'
    )
