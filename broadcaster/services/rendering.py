"""From a resolved text to a finished clip: read, spoken, mixed, and kept under the hash of what made it."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster import files
from broadcaster.audio import studio, template
from broadcaster.domain.bulletin import BulletinState, Placeholder, resolve
from broadcaster.domain.roles import Actor
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, InputError, SpeechError
from broadcaster.process import ChildError, Children
from broadcaster.reading import Dictionary
from broadcaster.reading.dictionary import EMPTY
from broadcaster.services import alert_watch
from broadcaster.services.script import Script, Spoken, readable
from broadcaster.speech.speaker import Speaker
from broadcaster.store import journal
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.tables import BulletinRow, ClipRow, SubmissionClipRow, SubmissionRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Studio:
    """Writes scripts and renders them; one clip per distinct script, however many communes air it."""

    speaker: Speaker
    voices: Mapping[str, Sequence[str]]
    children: Children
    template_folders: tuple[Path, ...]
    clips: Path
    max_characters: int
    timeout_s: float

    def path(self, clip: str) -> Path:
        return self.clips / clip[:2] / f"{clip}.mp3"

    def order(self, language: str, voice: str | None) -> tuple[str, ...]:
        """The voices to try, by name: one that is named is used alone, else those that the settings give a language.

        A recording holds the bulletin alone: the voices of the language follow it, for the words around it.
        """
        if voice is not None:
            around = self.voices.get(language, ()) if self.speaker.voice(voice).is_recording else ()
            return (voice, *around)
        return tuple(self.voices.get(language) or [self.speaker.default_voice(language).name])

    def around(self, template_name: str, language: str) -> str:
        """The words that a template puts around a reading, as written; none where the template is gone."""
        try:
            design = template.find(template_name, self.template_folders)
        except (InputError, AudioError):
            return ""
        return "\n".join(words for words in (design.opening(language), design.closing(language)) if words)

    def filled(self, template_name: str, language: str) -> frozenset[Placeholder]:
        """The placeholders in the words that a template puts around a reading."""
        return template.find(template_name, self.template_folders).placeholders(language)

    def script(
        self,
        text: str,
        language: str,
        template_name: str,
        voices: Sequence[str],
        dictionary: Dictionary = EMPTY,
        *,
        values: Mapping[Placeholder, str] = MappingProxyType({}),
    ) -> Script:
        """What will be said of a resolved text; `values` fill the placeholders in the template's words.

        Raises InputError where text, template or a voice cannot be used.
        """
        if len(text) > self.max_characters:
            raise InputError(
                "The text has {count} characters; at most {limit} are allowed. Shorten it.",
                count=len(text),
                limit=self.max_characters,
            )
        for voice in voices:
            if self.speaker.voice(voice).language != language:
                raise InputError("The voice {voice} does not speak {language}.", voice=voice, language=language)
        design = template.find(template_name, self.template_folders)

        if lacking := design.placeholders(language) - set(values):
            raise InputError(
                "The words of the template {template} hold {placeholder}, which only a commune fills. Choose another.",
                template=template_name,
                placeholder=f"{{{min(lacking)}}}",
            )

        def words(part: str | None) -> str:
            return readable(resolve(part, values), language, dictionary).spoken if part else ""

        return Script(
            language=language,
            written=text,
            opening=words(design.opening(language)),
            spoken=readable(text, language, dictionary).spoken,
            closing=words(design.closing(language)),
            template=design,
            voices=tuple(voices),
            made_by=tuple(map(self.speaker.made_by, voices)),
        )

    def sound(self, script: Script, fmt: studio.Format = "mp3") -> Spoken:
        """The finished sound of a script, all of it in the first of its voices that can speak it.

        Takes seconds; the work is done in child processes. Raises the last voice's SpeechError where none can.
        """
        names, (opening, reading, closing) = self._said(script)
        assert reading is not None
        sound = self.children.run(
            studio.make_sound, script.template, opening, reading, closing, fmt, timeout_s=self.timeout_s
        )
        return Spoken(sound, *map(self.speaker.voice, names))

    def _said(self, script: Script) -> tuple[list[str], list[Pcm | None]]:
        """Who spoke, and what was said of opening, reading and closing; another voice frames a recording."""
        first, *others = script.voices
        if not self.speaker.voice(first).is_recording:
            voice, said = self._first_able(script, script.voices, (script.opening, script.spoken, script.closing))
            return [voice], said
        reading = self.speaker.speak(script.written, first)  # a person reads what is written
        if not script.opening and not script.closing:
            return [first], [None, reading, None]
        if not others:
            raise SpeechError(
                "No voice can say the words before and after the recording. Name one for {language} in speech.voices.",
                language=script.language,
            )
        around, (opening, _, closing) = self._first_able(script, others, (script.opening, "", script.closing))
        return [first, around], [opening, reading, closing]

    def _first_able(
        self, script: Script, voices: Sequence[str], parts: tuple[str, str, str]
    ) -> tuple[str, list[Pcm | None]]:
        """The first of the voices that can speak all parts, and what it said of each; an empty one is None."""
        for voice, following in zip(voices, (*voices[1:], None), strict=True):
            try:
                return voice, [self.speaker.speak(part, voice) if part else None for part in parts]
            except SpeechError as error:
                if following is None:
                    raise
                log.warning(
                    "A voice could not speak; the next one is tried.",
                    extra={"action": "voice_fell_back", "clip": script.key, "voice": voice, "next": following}
                    | {"error": str(error)},
                )
        raise AssertionError("unreachable: a script has a voice")


def put_on_list(session: Session, script: Script, now: datetime) -> ClipRow:
    """The clip of a script, listed for rendering unless it is known already."""
    row = session.get(ClipRow, script.key)
    if row is None:
        row = ClipRow(
            key=script.key,
            language=script.language,
            written=script.written,
            spoken=script.spoken,
            opening=script.opening,
            closing=script.closing,
            template=script.template.name,
            template_sha256=script.template.sha256,
            voices=list(script.voices),
            created_at=now,
        )
        session.add(row)
        session.flush()
    elif row.sha256 is None:
        row.written = script.written  # other signs with the same words: a recording is held against the newest
    return row


def unrendered(session: Session, limit: int = 100) -> list[str]:
    """The clips that an approver waits for, oldest first; one that failed is not tried again by itself."""
    waiting = (
        select(SubmissionClipRow.clip)
        .join(SubmissionRow, SubmissionRow.id == SubmissionClipRow.submission)
        .join(BulletinRow, BulletinRow.id == SubmissionRow.bulletin)
        .where(BulletinRow.state == BulletinState.SUBMITTED, BulletinRow.revision == SubmissionRow.revision)
        .where(SubmissionRow.decision.is_(None))
    )
    query = select(ClipRow.key).where(ClipRow.sha256.is_(None), ClipRow.error.is_(None), ClipRow.key.in_(waiting))
    return list(session.scalars(query.order_by(ClipRow.created_at).limit(limit)))


def render(store: Store, studio: Studio, clip: str, actor: Actor, now: datetime) -> None:
    """Render one listed clip; nothing happens where it is finished. Raises what kept it from being made.

    A failure that another try would repeat is kept with the clip, so that it is shown and not tried for ever.
    """
    with store.reading() as session:
        row = session.get_one(ClipRow, clip)
    if row.sha256 is not None:
        return
    try:
        spoken = studio.sound(_script_of(row, studio))
    except (InputError, SpeechError, AudioError, ChildError) as error:
        with store.writing() as session:
            failed = update(ClipRow).where(ClipRow.key == clip, ClipRow.sha256.is_(None))
            session.execute(failed.values(error=str(error)))
            if not isinstance(error, InputError):  # that one lies with the text, not with the voices
                alert_watch.speech_failed(session, row.language, error, now)
        raise
    sound = spoken.sound
    values = {
        "engine": spoken.voice.engine,
        "voice": spoken.names,
        "sha256": hashlib.sha256(sound.data).hexdigest(),
        "bytes": len(sound.data),
        "duration_ms": sound.duration_ms,
        "loudness_lufs": sound.loudness_lufs,
        "true_peak_dbtp": sound.true_peak_dbtp,
    }
    with store.writing() as session:
        unfinished = update(ClipRow).where(ClipRow.key == clip, ClipRow.sha256.is_(None))
        finished = unfinished.values(**values, peaks=sound.peaks, error=None)
        if changed_rows(session, finished) == 1:
            # Only now: of two who render a clip at once, the later must not write over what may be approved already.
            files.write(studio.path(clip), sound.data)
            alert_watch.speech_works(session, row.language, now)
            journal.append(
                session,
                chain=journal.SYSTEM,
                action=Action.CLIP_RENDERED,
                now=now,
                actor=actor,
                subject=clip,
                data=values,
            )


def _script_of(row: ClipRow, studio: Studio) -> Script:
    """The script a listed clip was made for. Raises InputError where template or voice have changed since."""
    script = Script(
        language=row.language,
        written=row.written,
        opening=row.opening,
        spoken=row.spoken,
        closing=row.closing,
        template=template.find(row.template, studio.template_folders),
        voices=tuple(row.voices),
        made_by=tuple(map(studio.speaker.made_by, row.voices)),
    )
    if script.key != row.key:
        raise InputError(
            "Template {template} or voice {voice} was changed after the bulletin was submitted. Submit it again.",
            template=row.template,
            voice=", ".join(row.voices),
        )
    return script
