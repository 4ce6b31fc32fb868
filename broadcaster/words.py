"""What people read, in their language: English templates with named fields, looked up in `locale/<language>.po`.

A text that has no translation is shown in English rather than not at all; a test finds every such text.
"""

import functools
import locale
from collections.abc import Mapping
from importlib import resources

from babel.messages.pofile import read_po

from broadcaster.errors import BroadcasterError

LANGUAGES = ("vi", "en")


@functools.cache
def catalog(language: str) -> Mapping[str, str]:
    """English template -> translated template; empty for English."""
    file = resources.files("broadcaster") / "locale" / f"{language}.po"
    if not file.is_file():
        return {}
    with file.open("rb") as content:
        messages = read_po(content, locale=language)
    return {str(message.id): str(message.string) for message in messages if message.id and message.string}


class Words:
    """Says templates and errors in one language."""

    def __init__(self, language: str) -> None:
        self.language = system_language() if language == "auto" else language
        self._catalog = catalog(self.language)

    def __call__(self, template: str, /, **values: object) -> str:
        return BroadcasterError(template, **values).told(self._translated)

    def error(self, error: BroadcasterError) -> str:
        return error.told(self._translated)

    def _translated(self, template: str) -> str:
        return self._catalog.get(template, template)


def system_language() -> str:
    """The language this computer is set to, where we speak it; else English."""
    code = (locale.getlocale()[0] or "").replace("Vietnamese", "vi").lower()
    return next((language for language in LANGUAGES if code.startswith(language)), "en")
