"""`broadcaster bulletin`: list, show, submit, approve, reject, withdraw."""

from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import select

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, progress, replan, show
from broadcaster.errors import InputError
from broadcaster.services import approvals, bulletins
from broadcaster.services.bulletins import Permission
from broadcaster.store.tables import BulletinRow, RevisionRow

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
    with opened() as (built, _):
        details = bulletins.details(built.store, built.studio, bulletin)
        details |= {"to_approve": approvals.to_approve(built.store, bulletin)}
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
        else:
            out.print(f"[bold]{name:<12}[/bold]", end=" ")
            out.print("" if value is None else str(value), markup=False)


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
