"""A letter as a signed JSON request to an address of the settings, which may go only where stations may be."""

import json
from dataclasses import dataclass
from pathlib import Path

from broadcaster import letters, reach
from broadcaster.letters import Letter, UndeliveredError
from broadcaster.net import NetError

SECRET_CHARACTERS = 16
_ANSWER_BYTES = 100_000
_PERMANENT = (400, 410, 413, 422)
"""It understood, and will never take this; everything else can be put right at the other end."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """`secret_file` is read anew for each letter, so that it can be changed."""

    url: str
    secret_file: Path
    timeout_s: float = 10.0

    def check(self) -> None:
        """Raise ConfigError where the secret cannot be read."""
        letters.secret(self.secret_file, least=SECRET_CHARACTERS)

    def send(self, letter: Letter) -> None:
        """Raises UndeliveredError, NetError or ConfigError."""
        signature = reach.Signed(letters.secret(self.secret_file, least=SECRET_CHARACTERS))
        body = {"v": 1, "id": letter.id, "subject": letter.subject, "alerts": list(letter.data)}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        content = json.dumps(body, ensure_ascii=False).encode()
        with reach.session(timeout_s=self.timeout_s, limit_bytes=_ANSWER_BYTES) as session:
            try:
                session.post(self.url, data=content, headers=headers, auth=signature)
            except NetError as error:
                raise UndeliveredError(
                    "{error}", is_permanent=error.code in _PERMANENT, retry_after_s=error.retry_after_s, error=error
                ) from error
