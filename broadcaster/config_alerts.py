"""The settings of alerts: the mail server they leave by, and who is told of which."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field as Setting
from pydantic import field_validator, model_validator

from broadcaster import mail, net
from broadcaster.mail import Security
from broadcaster.strict_yaml import Strict, problem

_URL_CHARACTERS = 500


class MailSettings(Strict):
    host: str | None = None
    port: int = Setting(587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    user: str | None = None
    password_file: Path | None = None
    sender: str | None = None
    timeout_s: float = Setting(10.0, gt=0, le=60)

    @field_validator("sender")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return None if value is None else _checked(value)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.host is not None and self.sender is None:
            raise problem("write the address that the mails come from", key="sender")
        if (self.user is None) != (self.password_file is None):
            raise problem("user and password_file go together", key="password_file")
        is_here = self.host is not None and net.is_private_enough(f"http://{self.host}")
        if self.user is not None and self.security is Security.NONE and not is_here:
            raise problem("a password goes only over tls or starttls", key="security")
        return self


class RecipientSettings(Strict):
    commune: str | None = None
    mail: str | None = None
    webhook: str | None = Setting(None, max_length=_URL_CHARACTERS)
    secret_file: Path | None = None
    language: Literal["vi", "en", "bn"] = "vi"

    @field_validator("mail")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return None if value is None else _checked(value)

    @field_validator("webhook")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not net.is_web_address(value):
            raise problem("{value} is no address: write it like https://example.vn/alerts", value=value)
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.mail is None) == (self.webhook is None):
            raise problem("write either mail or webhook")
        if (self.webhook is None) != (self.secret_file is None):
            raise problem("a webhook, and nothing else, has a secret_file", key="secret_file")
        return self


class AlertSettings(Strict):
    mail: MailSettings = MailSettings()
    recipients: list[RecipientSettings] = []
    send_every_s: float = Setting(10.0, gt=0)
    watch_every_s: float = Setting(300.0, gt=0)
    keep_days: int = Setting(90, ge=1)

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if self.mail.host is None and any(recipient.mail is not None for recipient in self.recipients):
            raise problem("mail has recipients but no server: write mail.host", key="mail")
        return self


def _checked(value: str) -> str:
    if not mail.is_address(value):
        raise problem("{value} is no mail address", value=value)
    return value
