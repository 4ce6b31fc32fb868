"""A person's recording as the voice of a bulletin: taken in, kept, and written into a new revision."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from broadcaster.audio import intake
from broadcaster.domain.bulletin import BulletinState, RevisionText, check_transition, placeholders
from broadcaster.domain.roles import Actor, Role
from broadcaster.domain.sound import Voice
from broadcaster.errors import InputError
from broadcaster.services import bulletins
from broadcaster.services.permissions import WRITERS
from broadcaster.speech.recording import Recordings
from broadcaster.store import submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import RevisionRow


@dataclass(frozen=True, slots=True)
class Recorded:
    """The revision that a recording speaks."""

    revision: int
    voice: Voice
    duration_ms: int


def content(file: Path) -> bytes:
    """The bytes of a sound file. Raises InputError where it cannot be read or is longer than the gate takes."""
    try:
        with file.open("rb") as opened:
            data = opened.read(intake.LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError("{file} cannot be read: {error}", file=file, error=error) from error
    if len(data) > intake.LARGEST_BYTES:
        raise InputError("{file} is larger than {limit} MB.", file=file, limit=intake.LARGEST_BYTES // 1_000_000)
    return data


def record(store: Store, recordings: Recordings, bulletin: str, data: bytes, actor: Actor, now: datetime) -> Recorded:
    """Keep a sound file as the recording of a bulletin's text and make it the voice of a new revision, a draft.

    Raises InputError or AudioError for a sound, a text or a bulletin that cannot be used; the bulletin stays as it is.
    """
    actor.require(Role.WRITER, Role.EDITOR, Role.ADMINISTRATOR)
    with store.reading() as session:
        row, revision = submissions.bulletin(session, bulletin)
    actor.require_source([revision.source], *WRITERS)
    check_transition(bulletin, row.state, BulletinState.DRAFT)
    if used := placeholders(revision.text):
        raise InputError(
            "A recording says the same everywhere, but the text holds {placeholder}. Write out what is said.",
            placeholder=f"{{{min(used)}}}",
        )
    sound = intake.take_in(data)
    voice = recordings.add(sound, revision.text, revision.language, title=revision.title, by=actor.person, now=now)
    with store.writing() as session:
        _, newest = submissions.bulletin(session, bulletin)
        if newest.number != revision.number:
            raise InputError("{bulletin} was changed meanwhile. Look at it and record it again.", bulletin=bulletin)
        number = bulletins.revise(session, bulletin, _spoken_by(voice, newest), actor.person, actor, now)
    return Recorded(number, voice, sound.duration_ms)


def _spoken_by(voice: Voice, revision: RevisionRow) -> RevisionText:
    return RevisionText(
        title=revision.title,
        language=revision.language,
        field=revision.field,
        priority=revision.priority,
        source=revision.source,
        text=revision.text,
        expires_at=revision.expires_at,
        template=revision.template,
        voice=voice.name,
        late=revision.late,
        grace_s=revision.grace_s,
    )
