"""The wheel carries what the program reads besides its own code."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from _environment import ROOT


def files_in(folder: Path) -> set[str]:
    """The files of a folder and its folders, by their way from the folder's parent."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder.parent).as_posix() for path in found}


def test_wheel_carries_all_code_tables_samples_and_audio_templates(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        carried = set(wheel.namelist())
    templates = {f"broadcaster/{name}" for name in files_in(ROOT / "audio_templates")}
    assert templates
    assert (files_in(ROOT / "broadcaster") | templates) - carried == set()
