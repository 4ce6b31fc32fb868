"""What a text will sound like, before anything is submitted: its reading, what blocks it, what has to be checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from broadcaster.reading import Dictionary, Reading, read
from broadcaster.services.facts import Claim, claims
from broadcaster.speech.sentences import sentences


@dataclass(frozen=True, slots=True)
class Preview:
    """The reading of one text, the claims in it, and about how long it takes to say once, without template."""

    reading: Reading
    claims: tuple[Claim, ...]
    duration_ms: int

    @property
    def warnings(self) -> tuple[Claim, ...]:
        """The claims that somebody has to check; they do not block approval, what cannot be said does."""
        return tuple(claim for claim in self.claims if claim.message)


def preview(
    session: Session | None, text: str, language: str, dictionary: Dictionary, words_per_minute: int
) -> Preview:
    """The preview of a text whose placeholders are resolved. Never raises for any text."""
    reading = read(text, language, dictionary)
    said = sentences(reading.spoken)
    count = sum(len(sentence.text.split()) for sentence in said)
    pauses_ms = sum(sentence.pause_ms for sentence in said[:-1])
    return Preview(reading, tuple(claims(session, text)), count * 60_000 // words_per_minute + pauses_ms)


def as_json(shown: Preview, words: Callable[..., str]) -> Mapping[str, Any]:
    """A preview as plain values, its messages put by `words`. Offsets count characters of `written`, which is NFC."""
    reading = shown.reading
    return {
        "language": reading.language,
        "written": reading.written,
        "spoken": reading.spoken,
        "is_sayable": reading.is_sayable,
        "duration_ms": shown.duration_ms,
        "spans": [
            {"start": span.start, "end": span.end, "spoken": span.spoken, "rule": span.rule or None}
            for span in reading.spans
        ],
        "problems": [
            {
                "start": problem.start,
                "end": problem.end,
                "severity": problem.severity,
                "message": words(problem.message, **problem.values),
            }
            for problem in reading.problems
        ],
        "claims": [
            {
                "start": claim.mention.start,
                "end": claim.mention.end,
                "written": claim.mention.written,
                "kind": claim.mention.kind,
                "value": claim.mention.value,
                "standing": claim.standing,
                "owner": claim.owner or None,
                "message": words(claim.message, written=claim.mention.written) if claim.message else None,
            }
            for claim in shown.claims
        ],
    }
