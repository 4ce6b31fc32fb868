"""Who is told of alerts, and by which way, as the settings say."""

from functools import partial

from broadcaster.config_alerts import AlertSettings, MailSettings, RecipientSettings
from broadcaster.domain.alert import Channel
from broadcaster.mail import MailServer
from broadcaster.services.alert_queue import Recipient
from broadcaster.webhook import Webhook


def recipients(settings: AlertSettings) -> list[Recipient]:
    """Nobody is asked anything yet, and no file is read."""
    return [_recipient(each, settings.mail) for each in settings.recipients]


def _recipient(settings: RecipientSettings, server: MailSettings) -> Recipient:
    if settings.webhook is not None and settings.secret_file is not None:
        hook = Webhook(settings.webhook, settings.secret_file)
        return Recipient(Channel.WEBHOOK, settings.webhook, settings.language, hook.send, settings.commune, hook.check)
    # The settings have been checked: mail has a server, and the server a sender.
    to, host, sender = settings.mail or "", server.host or "", server.sender or ""
    out = MailServer(
        host, server.port, sender, server.security, server.user, server.password_file, server.timeout_s
    )  # fmt: skip
    return Recipient(Channel.MAIL, to, settings.language, partial(out.send, to), settings.commune, out.check)
