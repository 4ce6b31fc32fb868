"""The settings of what loudspeakers connect to: the door for enrolment and clips, and the broker for orders."""

from pydantic import Field, field_validator

from broadcaster.strict_yaml import Strict, problem


class DoorSettings(Strict):
    host: str = "127.0.0.1"
    port: int = Field(8321, ge=1, le=65_535)
    public_url: str | None = None

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise problem("{value} is no address. Write it like https://loa.example.vn", value=value)
        return value.rstrip("/") if value is not None else None

    @property
    def url(self) -> str:
        """Where loudspeakers reach it."""
        return self.public_url or f"http://{self.host}:{self.port}"


class BrokerSettings(Strict):
    embedded: bool = True
    host: str = "127.0.0.1"
    port: int = Field(18_830, ge=1, le=65_535)
    tls_ca: str | None = None
    public_host: str | None = None
    public_port: int | None = Field(None, ge=1, le=65_535)
    public_tls: bool = False
