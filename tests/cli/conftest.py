"""An office with one commune and one writer, for tests of single commands."""

from pathlib import Path

import pytest

from tests.acceptance.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    (tmp_path / "home.yaml").write_text(
        "communes: [{code: kep, name: Kép}]\npeople: [{code: writer, roles: [{role: writer, commune: kep}]}]\n",
        encoding="utf-8",
    )
    office.run("import", "home.yaml", "--as", "writer")
    return office
