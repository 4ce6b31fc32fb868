"""`broadcaster bulletin`: list, show, listen, record, submit, approve, reject, withdraw."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, progress, replan, show
from broadcaster.cli.sound_files import Waveform, check_picture, described, draw, write
from broadcaster.errors import InputError
from broadcaster.services import approvals, listening, recordings, showing
from broadcaster.services.bulletins import Permission
from broadcaster.services.facts import MESSAGES
from broadcaster.store.tables import BulletinRow, RevisionRow
from broadcaster.words import Words

app = typer.Typer(help="Bulletins, from draft to approved.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The bulletin's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the journal.")]
Moment = Annotated[str | None, typer.Option(metavar="DATE-TIME", help="With offset, e.g. 2026-12-31T23:59+07:00.")]


@app.command(name="list")
def list_all(as_json: Json = False) -> None:
    """All bulletins with their state."""
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    with opened() as (built, words), built.store.reading() as session:
        found = session.execute(select(BulletinRow, RevisionRow).join(RevisionRow, newest).order_by(BulletinRow.id))
        rows = [
            {
                "id": row.id,
                "state": row.state,
                "revision": row.revision,
                "priority": revision.priority,
                "language": revision.language,
                "title": revision.title,
            }
            for row, revision in found
        ]
    if rows or as_json:
        show(rows, ["id", "state", "revision", "priority", "language", "title"], as_json=as_json)
    else:
        typer.echo(words("There is no bulletin yet. Import one: broadcaster import FILE.yaml"))


@app.command(name="show")
def show_one(bulletin: Id, as_json: Json = False) -> None:
    """One bulletin: its text, and what has been submitted and decided."""
    with opened() as (built, words):
        details = showing.details(built.store, built.studio, bulletin)
        details |= {"to_approve": approvals.to_approve(built.store, bulletin)}
        warnings = _warnings(details["claims"], words)
    if as_json:
        show([details], [], as_json=True)
        return
    out = console()
    for name, value in details.items():
        if name == "clips":
            for clip in value:
                out.print(
                    f"\n[bold]clip[/bold] {clip['key'][:12]}",
                    ", ".join(clip["communes"]),
                    clip["file"] or "",
                )
                out.print(clip["spoken"], markup=False)
        elif name == "claims":
            for warning in warnings:
                out.print(warning, markup=False)
        else:
            out.print(f"[bold]{name:<12}[/bold]", end=" ")
            out.print("" if value is None else str(value), markup=False)


@app.command()
def listen(
    bulletin: Id,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.mp3", help="The copy; ID.mp3 in this folder by default."),
    ] = None,
    waveform: Waveform = None,
    commune: Annotated[str | None, typer.Option(help="Whose clip, where each commune hears its own.")] = None,
) -> None:
    """Copy the clip that was submitted or approved, byte for byte as it airs, to listen to it."""
    copy = output or Path(f"{bulletin}.mp3")
    if copy.suffix.lower() != ".mp3":
        raise InputError("{file}: the name must end in .mp3.", file=copy)
    check_picture(waveform)
    with opened() as (built, words):
        clip = listening.listen(built.store, built.studio, bulletin, commune)
        write(copy, clip.content)
        draw(waveform, clip.peaks, clip.duration_ms, words)
        out = console()
        out.print(described(words, copy, clip.duration_ms, clip.loudness_lufs, clip.true_peak_dbtp), markup=False)
        out.print(words("Voice: {voice}", voice=clip.voice), markup=False)
        out.print(f"SHA-256: {clip.sha256}", markup=False)


@app.command()
def record(
    bulletin: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sound file: a person reading the text aloud.")],
    person: As = None,
) -> None:
    """Let a person's recording say a bulletin: a new revision, to be submitted and approved like any other."""
    with opened() as (built, words):
        built.storage.ensure_room()
        content = recordings.content(file)
        with progress() as bar:
            bar.add_task(words("Listening"), total=None)
            done = recordings.record(
                built.store, built.recordings, bulletin, content, actor(built, person), clock.now()
            )
        replan(built)
        text = words(
            "{bulletin} is recorded: revision {revision}, {seconds} s, the voice {voice}.",
            bulletin=bulletin,
            revision=done.revision,
            seconds=f"{done.duration_ms / 1000:.1f}",
            voice=done.voice.name,
        )
        console().print(text)


@app.command()
def submit(
    bulletin: Id,
    person: As = None,
    commune: Annotated[list[str] | None, typer.Option(help="A commune where it may air; all by default.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="A zone where it may air; all by default.")] = None,
    valid_from: Moment = None,
    valid_until: Moment = None,
) -> None:
    """Put a bulletin before an approver: its reading is made and its clips are rendered."""
    permission = Permission(
        communes=commune, zones=zone or (), valid_from=_moment(valid_from), valid_until=_moment(valid_until)
    )
    with opened() as (built, words):
        acting = actor(built, person)
        built.desk.submit(bulletin, acting, clock.now(), permission)
        with progress() as bar:
            task = bar.add_task(words("Rendering"), total=None)
            count = built.desk.render(
                bulletin, acting, clock.now(), lambda done, total: bar.update(task, completed=done, total=total)
            )
        console().print(words("{bulletin} is submitted; {count} clips were rendered.", bulletin=bulletin, count=count))
        for warning in _warnings(showing.details(built.store, built.studio, bulletin)["claims"], words):
            console(stderr=True).print(warning, markup=False)


@app.command()
def approve(
    bulletin: Id,
    person: As = None,
    seen: Annotated[
        str | None, typer.Option(metavar="HASH", help="Only if it still is what `bulletin show` called to_approve.")
    ] = None,
) -> None:
    """Approve exactly what was submitted; only another person than its author can."""
    with opened() as (built, words):
        approved = approvals.approve(built.store, bulletin, actor(built, person), clock.now(), seen)
        replan(built)
        console().print(words("{bulletin} is approved: {hash}", bulletin=bulletin, hash=approved))


@app.command()
def reject(bulletin: Id, reason: Reason, person: As = None) -> None:
    """Send a submitted bulletin back to its writer."""
    with opened() as (built, words):
        approvals.reject(built.store, bulletin, reason, actor(built, person), clock.now())
        replan(built)
        console().print(words("{bulletin} is rejected.", bulletin=bulletin))


@app.command()
def withdraw(bulletin: Id, reason: Reason = "", person: As = None) -> None:
    """Take a bulletin back: what is planned of it will not air."""
    with opened() as (built, words):
        built.desk.withdraw(bulletin, reason, actor(built, person), clock.now())
        replan(built)
        console().print(words("{bulletin} is withdrawn.", bulletin=bulletin))


def _warnings(claims: list[dict[str, str]], words: Words) -> list[str]:
    """What an approver has to check among the numbers, sites and accounts of a bulletin."""
    return [words(MESSAGES[c["standing"]], written=c["written"]) for c in claims if c["standing"] in MESSAGES]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("{text} is not a date and time. Write it like 2026-12-31T23:59+07:00.", text=text) from error
    if moment.tzinfo is None:
        raise InputError("{text} has no offset. Write it like 2026-12-31T23:59+07:00.", text=text)
    return moment
