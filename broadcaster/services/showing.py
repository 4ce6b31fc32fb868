"""A bulletin as it is shown to whoever reads or decides on it."""

from typing import Any

from broadcaster.services.facts import claims
from broadcaster.services.rendering import Studio
from broadcaster.store import submissions
from broadcaster.store.engine import Store


def details(store: Store, studio: Studio, bulletin: str) -> dict[str, Any]:
    """Everything there is to know of a bulletin, for whoever reads or decides on it."""
    with store.reading() as session:
        row, revision = submissions.bulletin(session, bulletin)
        submission = submissions.latest(session, bulletin)
        clips = submissions.clips(session, submission.id) if submission else []
        communes = submissions.communes_of(session, submission.id) if submission else {}
        around = studio.around(submission.template, revision.language) if submission else ""
        texts = [revision.text, *(clip.written for clip in clips), around]
        named = {claim.mention.value: claim for text in texts for claim in claims(session, text)}
        return {
            "id": row.id,
            "state": row.state,
            "revision": row.revision,
            "title": revision.title,
            "language": revision.language,
            "field": revision.field,
            "priority": revision.priority,
            "source": revision.source,
            "expires": revision.expires_at,
            "text": revision.text,
            "claims": [
                {"written": claim.mention.written, "kind": claim.mention.kind, "standing": claim.standing}
                for claim in named.values()
            ],
            "author": revision.author,
            "submitted_by": submission.submitted_by if submission else None,
            "decision": submission.decision if submission else None,
            "decided_by": submission.decided_by if submission else None,
            "decision_reason": submission.decision_reason if submission else None,
            "valid_from": submission.valid_from if submission else None,
            "valid_until": submission.valid_until if submission else None,
            "approved_sha256": submission.approved_sha256 if submission else None,
            "clips": [
                {
                    "key": clip.key,
                    "communes": [commune for commune, key in communes.items() if key == clip.key],
                    "spoken": "\n".join(part for part in (clip.opening, clip.spoken, clip.closing) if part),
                    "voice": clip.voice,
                    "file": str(studio.path(clip.key)) if clip.sha256 else None,
                    "sha256": clip.sha256,
                    "duration_ms": clip.duration_ms,
                    "loudness_lufs": clip.loudness_lufs,
                    "true_peak_dbtp": clip.true_peak_dbtp,
                    "error": clip.error,
                }
                for clip in clips
            ],
        }
