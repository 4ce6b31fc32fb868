"""The cast of the speech tests: real children with the real espeak."""

from collections.abc import Iterator

import pytest

from broadcaster.process import Children
from broadcaster.speech.espeak import Espeak


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    with Children(1) as pool:
        yield pool


@pytest.fixture(scope="session")
def espeak(children: Children) -> Espeak:
    return Espeak(children)
