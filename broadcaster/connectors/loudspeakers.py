"""What a station of loudspeakers that obey signed orders says of them in its configuration."""

from typing import Annotated

from pydantic import Field as Setting
from pydantic import field_validator

from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.orders.strict_json import ID
from broadcaster.strict_yaml import Strict, problem

Id = Annotated[str, Setting(pattern=f"^{ID.pattern}$")]


class Loudspeakers(Strict):
    """Written by `broadcaster loudspeaker add` and `remove`."""

    loudspeakers: list[Id] = Setting([], max_length=MAX_PER_STATION)

    @field_validator("loudspeakers")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        twice = next((name for name in value if value.count(name) > 1), None)
        if twice is not None:
            raise problem("{name} stands here twice", name=twice)
        return value
