"""Children that are none: their work is done here and at once, and mixing is only counted and hashed."""

import hashlib
from collections.abc import Callable
from typing import TypeVar, cast

from broadcaster.audio import studio
from broadcaster.audio.template import Template
from broadcaster.domain.sound import Pcm, Sound
from broadcaster.process import Children

T = TypeVar("T")


class HereAndNow(Children):
    """Counts in `mixed` how many clips were made."""

    def __init__(self) -> None:
        super().__init__(1)
        self.mixed = 0

    def run(self, function: Callable[..., T], *args: object, timeout_s: float) -> T:
        if function is studio.make_sound:
            self.mixed += 1
            return cast(Callable[..., T], hashed_sound)(*args)
        return function(*args)


def hashed_sound(
    template: Template, opening: Pcm | None, reading: Pcm, closing: Pcm | None, _fmt: str = "mp3"
) -> Sound:
    """A clip as long as its parts, whose content is other than that of any other parts."""
    parts = [opening, *[reading] * template.settings.readings, closing]
    content = hashlib.sha256(template.sha256.encode())
    for part in parts:
        content.update(part.samples if part else b"-")
    duration_ms = sum(part.duration_ms for part in parts if part)
    return Sound(b"clip " + content.digest() * 40, duration_ms, template.settings.loudness_lufs, -2.0, content.digest())
