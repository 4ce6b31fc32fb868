"""What people are told in their own language: reasons, faults of loudspeakers, and rules in words."""

from collections.abc import Callable, Mapping

from broadcaster.domain.airing import Reason
from broadcaster.domain.loudspeaker import Trouble
from broadcaster.domain.recurrence import Described, Recurrence, described

Say = Callable[..., str]
"""`words.Words`: a template with its values, in one language."""

REASONS: Mapping[Reason, str] = {
    Reason.EXPIRED: "the bulletin has expired",
    Reason.HOLIDAY: "a holiday",
    Reason.QUIET_HOURS: "in the quiet hours",
    Reason.RESERVED: "in a reserved window",
    Reason.CAP_SESSIONS: "too many sessions on that day",
    Reason.CAP_MINUTES: "too many minutes in that session",
    Reason.SLOT_FULL: "the slot is full",
    Reason.OVERLAP: "another airing at the same time",
    Reason.NOT_APPROVED: "not approved",
    Reason.OUTSIDE_APPROVAL: "outside the time for which it is approved",
    Reason.SAMPLE_FACT: "it speaks a sample number",
    Reason.WITHDRAWN: "the bulletin was withdrawn",
    Reason.CLIP_MISSING: "its sound file is missing",
    Reason.CLIP_DAMAGED: "its sound file is damaged",
    Reason.NO_STATION: "there is no station for it",
    Reason.NOT_SIGNED: "its order could not be signed",
    Reason.STATION_REFUSED: "the station refused it",
    Reason.STATION_UNREACHABLE: "the station could not be reached",
    Reason.NOT_CONFIRMED: "the station never confirmed it",
    Reason.NO_SOUND: "the loudspeaker made no sound",
    Reason.STOPPED: "somebody stopped it",
    Reason.PREEMPTED: "an emergency came first",
    Reason.SERVER_DOWN: "the server was not running",
    Reason.WORKER_STOPPED: "the worker was stopped",
    Reason.SOME_STATIONS: "only some stations aired it",
}

TROUBLES: Mapping[Trouble, str] = {
    Trouble.OFFLINE: "it is not there: no power or no network",
    Trouble.AMPLIFIER: "its amplifier reports a fault",
    Trouble.SILENT: "it plays, but hears no sound of itself",
    Trouble.CLOCK: "its clock is wrong, so it refuses what has a time",
    Trouble.STORAGE: "it has hardly any room left for clips",
    Trouble.CLIP: "it could not fetch a clip, or got another one",
}


def rule_in_words(rule: Recurrence, say: Say) -> str:
    """A rule as an official would say it, such as "every week on Monday, from 23/11/2026, until 31/12/2026"."""
    return ", ".join(_said(part, say) for part in described(rule))


def _said(part: Described, say: Say) -> str:
    values = {
        name: ", ".join(_said(inner, say) for inner in value) if isinstance(value, list) else value
        for name, value in part.values.items()
    }
    return say(part.template, **values)
