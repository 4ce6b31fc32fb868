"""Acknowledging what loudspeakers said, where the commune has a key to sign that with."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.orders.topics import Device
from broadcaster.services.ordering import Signer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Acknowledging:
    """Complains once for each commune that has no usable key, until it has one again."""

    signer: Signer
    _complained: set[str] = field(default_factory=set)

    def signed(self, session: Session, device: Device, seqs: Sequence[int], now: datetime) -> list[bytes]:
        """Envelopes, as many as are needed; none where there is no key now, and what was said is said again.

        Raises StoreError.
        """
        found: list[bytes] = []
        try:
            found.extend(self.signer.acknowledge(session, device, seqs, now))
        except StoreError:
            raise
        except (BroadcasterError, OSError) as error:
            if device.commune not in self._complained:
                self._complained.add(device.commune)
                extra = {"action": "not_acknowledged", "commune": device.commune, "error": str(error)}
                log.error("Loudspeakers cannot be answered.", extra=extra)
        else:
            self._complained.discard(device.commune)
        return found
