"""From a resolved text to a finished clip: read, spoken, mixed, and kept under the hash of what made it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster import files
from broadcaster.audio import studio, template
from broadcaster.audio.template import Template
from broadcaster.domain.bulletin import digest
from broadcaster.domain.roles import Actor
from broadcaster.domain.sound import Pcm, Sound
from broadcaster.errors import AudioError, InputError, SpeechError
from broadcaster.process import ChildError, Children
from broadcaster.reading import Reading, read
from broadcaster.speech.speaker import Speaker
from broadcaster.store import journal
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.tables import ClipRow


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that decides how a clip sounds: the words of its parts, the template and the voice."""

    language: str
    written: str
    opening: str
    spoken: str
    closing: str
    template: Template
    voice: str
    made_by: str

    @property
    def key(self) -> str:
        """The clip's name: the hash of what makes it."""
        return digest(
            [self.language, self.opening, self.spoken, self.closing, self.template.sha256, self.made_by, studio.VERSION]
        )


def readable(text: str, language: str) -> Reading:
    """The reading of a text. Raises InputError, one line a place, where something in it cannot be said."""
    reading = read(text, language)
    if not reading.is_sayable:
        faults = [problem.message.format(**problem.values) for problem in reading.problems]
        raise InputError("{faults}", faults="\n".join(faults[:20]))
    if not reading.spoken.strip():
        raise InputError("There is no text. Write what is to be said.")
    return reading


@dataclass(frozen=True, slots=True)
class Studio:
    """Writes scripts and renders them; one clip per distinct script, however many communes air it."""

    speaker: Speaker
    children: Children
    template_folders: tuple[Path, ...]
    clips: Path
    max_characters: int
    timeout_s: float

    def path(self, clip: str) -> Path:
        return self.clips / clip[:2] / f"{clip}.mp3"

    def script(self, text: str, language: str, template_name: str, voice: str | None) -> Script:
        """What will be said of a resolved text. Raises InputError where text, template or voice cannot be used."""
        if len(text) > self.max_characters:
            raise InputError(
                "The text has {count} characters; at most {limit} are allowed. Shorten it.",
                count=len(text),
                limit=self.max_characters,
            )
        chosen = self.speaker.voice(voice) if voice else self.speaker.default_voice(language)
        if chosen.language != language:
            raise InputError("The voice {voice} does not speak {language}.", voice=chosen.name, language=language)
        design = template.find(template_name, self.template_folders)

        def words(part: str | None) -> str:
            return readable(part, language).spoken if part else ""

        return Script(
            language=language,
            written=text,
            opening=words(design.opening(language)),
            spoken=readable(text, language).spoken,
            closing=words(design.closing(language)),
            template=design,
            voice=chosen.name,
            made_by=self.speaker.made_by(chosen.name),
        )

    def sound(self, script: Script, fmt: studio.Format = "mp3") -> Sound:
        """The finished sound of a script. Takes seconds; the work is done in child processes."""

        def spoken(part: str) -> Pcm | None:
            return self.speaker.speak(part, script.voice) if part else None

        reading = self.speaker.speak(script.spoken, script.voice)
        return self.children.run(
            studio.make_sound,
            script.template,
            spoken(script.opening),
            reading,
            spoken(script.closing),
            fmt,
            timeout_s=self.timeout_s,
        )


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
            engine=script.made_by.split(" ", 1)[0],
            voice=script.voice,
            created_at=now,
        )
        session.add(row)
        session.flush()
    return row


def unrendered(session: Session, limit: int = 100) -> list[str]:
    """The keys of clips that wait to be rendered, oldest first; those that failed are not tried again by themselves."""
    query = select(ClipRow.key).where(ClipRow.sha256.is_(None), ClipRow.error.is_(None))
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
        sound = studio.sound(_script_of(row, studio))
    except (InputError, SpeechError, AudioError, ChildError) as error:
        with store.writing() as session:
            session.execute(update(ClipRow).where(ClipRow.key == clip).values(error=str(error)))
        raise
    files.write(studio.path(clip), sound.data)
    values = {
        "sha256": hashlib.sha256(sound.data).hexdigest(),
        "bytes": len(sound.data),
        "duration_ms": sound.duration_ms,
        "loudness_lufs": sound.loudness_lufs,
        "true_peak_dbtp": sound.true_peak_dbtp,
    }
    with store.writing() as session:
        finished = update(ClipRow).where(ClipRow.key == clip, ClipRow.sha256.is_(None)).values(**values, error=None)
        if changed_rows(session, finished) == 1:
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
        voice=row.voice,
        made_by=studio.speaker.made_by(row.voice),
    )
    if script.key != row.key:
        raise InputError(
            "Template {template} or voice {voice} was changed after the bulletin was submitted. Submit it again.",
            template=row.template,
            voice=row.voice,
        )
    return script
