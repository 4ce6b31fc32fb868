"""Hearing what is put before an approver, or was approved: the very file, with what was measured on it."""

import hashlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from broadcaster.audio import waveform
from broadcaster.errors import AudioError, InputError
from broadcaster.services.rendering import Studio
from broadcaster.store import submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import ClipRow


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished clip: its file, byte for byte as it airs, and what was kept when it was rendered."""

    content: bytes
    sha256: str
    voice: str
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    peaks: bytes


def listen(store: Store, studio: Studio, bulletin: str, commune: str | None = None) -> Finished:
    """The clip of a bulletin's newest submission; `commune` says which where communes hear different ones.

    Raises InputError where there is none or more than one, AudioError where its file is not what was rendered.
    """
    with store.reading() as session:
        clip = _chosen(session, bulletin, commune)
    if clip.sha256 is None:
        if clip.error is not None:
            raise InputError("A clip of {bulletin} could not be made: {error}", bulletin=bulletin, error=clip.error)
        raise InputError("The clip of {bulletin} is not rendered yet. Wait a moment.", bulletin=bulletin)
    path = studio.path(clip.key)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AudioError("The clip {clip} cannot be read: {error}", clip=path, error=error) from error
    if hashlib.sha256(content).hexdigest() != clip.sha256:
        raise AudioError("The clip {clip} is no longer what was rendered. Submit the bulletin again.", clip=path)
    return Finished(
        content=content,
        sha256=clip.sha256,
        voice=str(clip.voice),
        duration_ms=clip.duration_ms or 0,
        loudness_lufs=clip.loudness_lufs or 0.0,
        true_peak_dbtp=clip.true_peak_dbtp or 0.0,
        peaks=clip.peaks or studio.children.run(waveform.of_file, content, timeout_s=studio.timeout_s),
    )


def _chosen(session: Session, bulletin: str, commune: str | None) -> ClipRow:
    submission = submissions.newest(session, bulletin)
    communes = submissions.communes_of(session, submission.id)
    names = ", ".join(communes)
    if commune is not None and commune not in communes:
        raise InputError(
            "{bulletin} was not submitted for {commune}. Communes: {communes}.",
            bulletin=bulletin, commune=commune, communes=names,
        )  # fmt: skip
    keys = {communes[commune]} if commune is not None else set(communes.values())
    if len(keys) > 1:
        raise InputError("Each commune hears a clip of its own. Name one with --commune: {communes}.", communes=names)
    return session.get_one(ClipRow, keys.pop())
