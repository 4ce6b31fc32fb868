"""gTTS: the voices of Google Translate, online. The text of a bulletin, and nothing else of it, goes to Google.

The library gtts packs the request; it is sent through our own session, because gtts 2.5.4 sends with `verify=False`
and, unless told otherwise, waits for ever. The service is undocumented and free: it takes 100 characters a request and
answers 429 when pressed, so it is asked slowly and left alone once it refuses.
"""

import importlib.metadata
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gtts import gTTS

from broadcaster import net
from broadcaster.audio.segments import join
from broadcaster.config import GttsSettings
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import EngineDisabledError, EnginePausedError, SpeechError
from broadcaster.net import Fault, NetError
from broadcaster.process import ChildError, Children
from broadcaster.speech.base import checked
from broadcaster.speech.chunks import chunks
from broadcaster.speech.gtts_answer import ENGINE, sound_of
from broadcaster.speech.patience import REASONS, Pauses, Turns
from broadcaster.speech.speaker import FADE_MS

VOICES = tuple(Voice(f"{ENGINE}/{language}", ENGINE, language) for language in ("vi", "en", "bn"))

PATH = "/_/TranslateWebserverUi/data/batchexecute"
CONNECT_S = 5.0
DECODE_S = 30.0
ANSWER_BYTES = 2_000_000  # 100 characters are some 60,000 bytes
RATE_HZ = 24_000  # what the service gives
RETRIED = (Fault.SERVER, Fault.BROKEN, Fault.SLOW)
BACK_OFF_S = (1.0, 4.0)


class Gtts:
    """Speaks through the service at `settings.address`.

    `now` gives the aware present moment, `sleep` waits so many seconds; `pause_file` keeps, for every process, until
    when the service is left alone. Answers are taken apart in `children`, or without them in the calling process.
    """

    name = ENGINE

    def __init__(
        self,
        settings: GttsSettings,
        pause_file: Path,
        children: Children | None = None,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._children = children
        self._now = now
        self._sleep = sleep
        self._turns = Turns(settings.min_interval_s, monotonic, sleep)
        self._pauses = Pauses(pause_file)

    @property
    def version(self) -> str:
        return (
            f"{importlib.metadata.version('gtts')} {self._settings.address} chunks-1"  # some hosts have other accents
        )

    def voices(self) -> tuple[Voice, ...]:
        return VOICES

    def check(self, _voice: Voice) -> None:
        """Whether it would be asked now; sends nothing."""
        if not self._settings.enabled:
            raise EngineDisabledError("{engine} is switched off in the settings.", engine=ENGINE)
        pause = self._pauses.current(self._now())
        if pause is not None:
            raise EnginePausedError(
                "{engine} is left alone until {until}: {reason}.",
                engine=ENGINE,
                until=f"{pause.until.astimezone():%H:%M}",
                reason=REASONS[pause.fault],
            )

    def speak(self, text: str, voice: Voice) -> Pcm:
        """The sound of `text`; SpeechError, at once while the service is left alone, else for what cannot be used."""
        self.check(voice)
        pieces: list[Pcm] = []
        read_s = self._settings.timeout_s
        with net.session(connect_s=min(CONNECT_S, read_s), read_s=read_s, limit_bytes=ANSWER_BYTES) as session:
            for chunk in chunks(text, gTTS.GOOGLE_TTS_MAX_CHARS):
                sound = self._sound(self._answer(session, chunk.text, voice), chunk.text)
                pieces += (sound, Pcm.silence(chunk.pause_ms, sound.rate_hz))
        rate_hz = pieces[0].rate_hz if pieces else RATE_HZ
        return checked(join(pieces[:-1], rate_hz, fade_ms=FADE_MS), text, ENGINE)

    def _answer(self, session: net.Session, text: str, voice: Voice) -> bytes:
        request = gTTS(text, lang=voice.language, lang_check=False, pre_processor_funcs=[])
        [body] = request.get_bodies()
        for back_off_s in (*BACK_OFF_S, None):
            self._turns.wait()
            self.check(voice)  # another thread or program may have been refused meanwhile
            try:
                url = self._settings.address.rstrip("/") + PATH
                return session.post(url, data=body, headers=gTTS.GOOGLE_TTS_HEADERS).content
            except NetError as error:
                if back_off_s is None or error.fault not in RETRIED:
                    self._leave_alone(error)
                    raise SpeechError(
                        "{engine} failed on “{text}”: {error}", engine=ENGINE, text=text[:80], error=error
                    ) from error
            self._sleep(back_off_s)
        raise AssertionError("unreachable")

    def _leave_alone(self, error: NetError) -> None:
        """Begin a pause after a fault that another request would only meet again; each would cost its full wait."""
        if error.fault in REASONS:
            asked_s = error.retry_after_s if error.fault is Fault.TOO_MANY else None
            self._pauses.begin(error.fault, asked_s or self._settings.pause_s, self._now())

    def _sound(self, answer: bytes, text: str) -> Pcm:
        if self._children is None:
            return sound_of(answer, text)
        try:
            return self._children.run(sound_of, answer, text, timeout_s=DECODE_S)
        except ChildError as error:
            raise SpeechError(
                "{engine} failed on “{text}”: {error}", engine=ENGINE, text=text[:80], error=error
            ) from error
