from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An empty folder in which commands run."""
    made = Office(tmp_path)
    yield made
    made.close()
