"""`broadcaster alerts`: what is wrong now, what was lately, and whether those who are to be told can be reached."""

from datetime import timedelta
from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.airing_line import on_one_line, tell
from broadcaster.cli.context import Json, opened, show
from broadcaster.errors import InputError
from broadcaster.services import alert_letters, alert_queue, alerts
from broadcaster.words import Words

app = typer.Typer(help="What is wrong, and who is told of it.", invoke_without_command=True)

_JSON_COLUMNS = ("alert", "kind", "commune", "subject", "opened_at", "cleared_at", "times", "text")
_COLUMNS = ("since", "until", "text")


@app.callback()
def list_alerts(
    context: typer.Context,
    commune: Annotated[str | None, typer.Option(metavar="C", help="Only this commune, by code.")] = None,
    days: Annotated[int, typer.Option(min=0, help="How far back, for what is over.")] = 7,
    as_json: Json = False,
) -> None:
    """What is wrong now, and what was in the last days; the newest first, in each commune's local time."""
    if context.invoked_subcommand is not None:
        return
    with opened() as (built, words), built.store.reading() as session:
        since = clock.now() - timedelta(days=days)
        rows = [*alerts.open_alerts(session, commune), *alerts.recent_alerts(session, since, commune)]
        places = alert_letters.places(session, rows)
        found = []
        for row in rows:
            place = places[row.commune]
            text = on_one_line(words.error(alerts.text_of(row, is_cleared=False, commune=place.name)))
            found.append(
                {
                    "alert": row.id, "kind": str(row.kind), "commune": row.commune, "subject": row.subject,
                    "opened_at": row.opened_at, "cleared_at": row.cleared_at, "times": row.times, "text": text,
                    "since": place.local(row.opened_at),
                    "until": words("open") if row.cleared_at is None else place.local(row.cleared_at),
                }
            )  # fmt: skip
    if as_json:
        show([{column: row[column] for column in _JSON_COLUMNS} for row in found], _JSON_COLUMNS, as_json=True)
    elif found:
        show(found, _COLUMNS, as_json=False)
    else:
        typer.echo(words("There are no alerts."))


@app.command()
def test() -> None:
    """Send everybody who is told of alerts a test message, at once; exit code 1 where one does not get through."""
    with opened(needs_database=False) as (built, words):
        recipients = built.recipients()
        if not recipients:
            raise InputError("Nobody is told of alerts yet. Write alerts.recipients in config.yaml.")
        is_well = True
        for recipient, error in alert_queue.try_out(recipients, clock.now()):
            is_well = is_well and error is None
            tell(f"{recipient.shown}: {_result(words, None if error is None else words.error(error))}")
    if not is_well:
        raise typer.Exit(1)


def _result(words: Words, fault: str | None) -> str:
    return words("sent") if fault is None else on_one_line(words("not sent: {fault}", fault=fault))
