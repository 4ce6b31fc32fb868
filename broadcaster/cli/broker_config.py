"""`broadcaster broker-config`: what a Mosquitto of one's own needs, to let in the server and every loudspeaker."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.broker import mosquitto
from broadcaster.broker.secret import server_password
from broadcaster.cli.context import console, opened
from broadcaster.errors import BroadcasterError
from broadcaster.orders import topics
from broadcaster.services import enrolment


def register(app: typer.Typer) -> None:
    app.command("broker-config")(broker_config)


def broker_config(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where Mosquitto finds them, e.g. /etc/mosquitto.")],
) -> None:
    """Write the password and access files for a Mosquitto of your own: once more after loudspeakers were added.

    Its settings are written only where there are none yet.
    """
    with opened() as (built, words):
        with built.store.reading() as session:
            known = enrolment.credentials(session)
        devices = {device: kept for user, kept in known.items() if (device := topics.device(user)) is not None}
        settings = built.config.broker
        try:
            written = mosquitto.write(
                folder, server_password(built.config.data_folder), devices, host=settings.host, port=settings.port
            )
        except OSError as error:
            raise BroadcasterError("{folder} cannot be written to: {error}", folder=folder, error=error) from error
        out = console()
        for path in written:
            out.print(str(path), markup=False, soft_wrap=True)
        out.print(words("{count} loudspeakers may log in.", count=len(devices)), markup=False)
        out.print(words("Have Mosquitto read it: sudo systemctl reload mosquitto"), markup=False)
        if settings.embedded:
            out.print(words("And have the worker use it: write broker.embedded: false into config.yaml."), markup=False)
