"""A broker that is not patient, for tests that are not either."""

from collections.abc import Iterator

import pytest

from broadcaster.broker import embedded
from broadcaster.broker.embedded import EmbeddedBroker
from tests.broker.wires import running


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedBroker]:
    monkeypatch.setattr(embedded, "REFUSED_AFTER_S", 0.05)
    monkeypatch.setattr(embedded, "GREETING_S", 0.5)
    monkeypatch.setattr(embedded, "LOOK_S", 0.1)
    with running() as found:
        yield found
