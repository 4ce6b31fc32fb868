"""The settings of what loudspeakers speak with: the MQTT broker, and the door for enrolment, clips and reports."""

from pathlib import Path

from pydantic import Field as Setting
from pydantic import field_validator

from broadcaster import net
from broadcaster.strict_yaml import Strict, problem


class BrokerSettings(Strict):
    embedded: bool = True
    host: str = "127.0.0.1"
    port: int = Setting(8322, ge=1, le=65535)
    tls_ca: Path | None = None
    public_host: str | None = None
    public_port: int | None = Setting(None, ge=1, le=65535)
    public_tls: bool = False

    @property
    def told_host(self) -> str:
        """The host that a loudspeaker is told when it enrols."""
        return self.public_host or self.host

    @property
    def told_port(self) -> int:
        return self.public_port or self.port


class DoorSettings(Strict):
    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Setting(8321, ge=1, le=65535)
    public_url: str | None = None

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not net.is_web_address(value):
            raise problem("{value} is no address: write it like https://loa.example.vn", value=value)
        return None if value is None else value.rstrip("/")

    @property
    def url(self) -> str:
        """Where loudspeakers find the door; it stands in every order that is signed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"
