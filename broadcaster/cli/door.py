"""`broadcaster door`: where loudspeakers enrol, fetch and report over HTTP, as `serve` starts it."""

import typer

from broadcaster.cli.airing_line import tell
from broadcaster.cli.context import opened
from broadcaster.cli.worker import UntilStdinCloses
from broadcaster.jobs.supervisor import StopRequests


def register(app: typer.Typer) -> None:
    app.command("door")(door)


def door(*, until_stdin_closes: UntilStdinCloses = False) -> None:
    """Run the door for loudspeakers alone: enrolment, keys, clips and reports over HTTP. Ctrl-C stops it."""
    from broadcaster.web.door import door as routes  # noqa: PLC0415 - half a second, for no other command
    from broadcaster.web.server import Server  # noqa: PLC0415 - see above

    requests = StopRequests()
    with requests.asked_by_signals(), opened("door") as (built, words):
        if until_stdin_closes:
            requests.ask_when_stdin_closes()
        server = Server(routes(built), built.config.door.host, built.config.door.port)
        server.start()
        try:
            tell(words("Loudspeakers find the door at {url}", url=built.config.door.url))
            requests.wait_until_asked()
        finally:
            server.stop()
