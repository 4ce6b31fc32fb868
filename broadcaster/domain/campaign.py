"""A campaign: bulletins that a source asks many communes to air, what each answers, and the target."""

from collections.abc import Mapping
from enum import StrEnum


class Answer(StrEnum):
    """What became of one bulletin of a campaign in one commune."""

    ASKED = "asked"
    ADOPTED = "adopted"
    """It airs as the source wished."""
    MOVED = "moved"
    """It airs, when the commune wants it."""
    DECLINED = "declined"
    LANDED = "landed"
    """It came into the queue by itself: a priority bulletin, as the law wants it."""


TRANSITIONS: Mapping[Answer, frozenset[Answer]] = {
    Answer.ASKED: frozenset({Answer.ADOPTED, Answer.MOVED, Answer.DECLINED, Answer.LANDED}),
    Answer.ADOPTED: frozenset({Answer.MOVED, Answer.DECLINED}),
    Answer.MOVED: frozenset({Answer.MOVED, Answer.DECLINED}),
    Answer.DECLINED: frozenset({Answer.ADOPTED, Answer.MOVED}),
    # The commune has to air it; when, is its own choice.
    Answer.LANDED: frozenset({Answer.MOVED}),
}
