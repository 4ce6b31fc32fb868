"""One error root. A message is a template with named values, so that the edge can say it in the reader's language."""

import copyreg
from collections.abc import Callable


class BroadcasterError(Exception):
    """An error a person can act on: what happened, and what to do.

    `message` is an English template with named fields in braces, `values` fills them; the edge translates the
    template first and fills it afterwards.
    """

    def __init__(self, message: str, /, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        """Children send their errors pickled; without this, one with values could not be read and broke their pool."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return self.told(str)

    def told(self, translate: Callable[[str], str]) -> str:
        """The message in the language of `translate`, and so are errors among the values, each of several on a line."""
        if not self.values:
            return translate(self.message)
        return translate(self.message).format(**{name: _told(value, translate) for name, value in self.values.items()})


def _told(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, BroadcasterError):
        return value.told(translate)
    if isinstance(value, list | tuple) and all(isinstance(part, BroadcasterError) for part in value):
        return "\n".join(part.told(translate) for part in value)
    if isinstance(value, OSError) and value.strerror:
        return value.strerror  # without the number, and without the path that the message names itself
    return value


class InputError(BroadcasterError):
    """What a person gave cannot be used as it stands; nothing was changed."""


class NotAllowedError(InputError):
    """The person lacks the role, or acts on their own work."""


class ConfigError(InputError):
    """A setting is unknown or has a value that cannot be used."""


class SpeechError(BroadcasterError):
    """A voice engine gave no usable sound."""


class EnginePausedError(SpeechError):
    """A voice engine is not asked for a while, because the service behind it could not be used."""


class EngineDisabledError(SpeechError):
    """A voice engine is switched off in the settings."""


class AudioError(BroadcasterError):
    """Sound could not be assembled, measured, encoded or played."""


class StoreError(BroadcasterError):
    """The database cannot be used: damaged, newer than this version, or locked by another worker."""


class DeliveryError(BroadcasterError):
    """An order or its clip could not be handed to a station; `is_permanent` says that trying again is of no use."""

    def __init__(self, message: str, /, *, is_permanent: bool, **values: object) -> None:
        super().__init__(message, **values)
        self.is_permanent = is_permanent
