"""The lock files name everything by hash, nothing by address, and agree with each other and with pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from _environment import ROOT, RUN_LOCK, TEST_LOCK

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED_TO_RUN = PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]
NEEDED_TO_TEST = NEEDED_TO_RUN + PROJECT["project"]["optional-dependencies"]["dev"]


@dataclass(frozen=True)
class Pin:
    version: str
    marker: str
    hashes: frozenset[str]


def pins(lock: str) -> dict[str, Pin]:
    """What a lock file pins, by package."""
    content = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, Pin] = {}
    for line in content.splitlines():
        pinned, _, hashes = line.partition("--hash=")
        requirement, _, marker = pinned.partition(";")
        name, _, version = requirement.strip().partition("==")
        assert name not in found, f"{name} has two versions"
        found[name] = Pin(version, marker.strip(), frozenset(re.findall(r"sha256:[0-9a-f]{64}", hashes)))
    return found


@pytest.mark.parametrize("lock", [RUN_LOCK, TEST_LOCK])
def test_every_package_is_pinned_by_hash(lock: str) -> None:
    assert [name for name, pin in pins(lock).items() if not pin.version or not pin.hashes] == []


@pytest.mark.parametrize("lock", [RUN_LOCK, TEST_LOCK])
@pytest.mark.parametrize("address", ["http", "index-url", "find-links", "trusted-host", "/"])
def test_locks_name_no_address(lock: str, address: str) -> None:
    assert address not in (ROOT / lock).read_text(encoding="utf-8")


def test_what_runs_is_what_was_tested() -> None:
    assert pins(RUN_LOCK).items() <= pins(TEST_LOCK).items()


@pytest.mark.parametrize(("lock", "needed"), [(RUN_LOCK, NEEDED_TO_RUN), (TEST_LOCK, NEEDED_TO_TEST)])
def test_every_dependency_is_locked_in_a_version_that_is_allowed(lock: str, needed: list[str]) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, needed):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not locked: run scripts/lock"
        assert requirement.specifier.contains(locked[name].version), f"{requirement} is not met: run scripts/lock"


def test_what_is_installed_without_looking_for_dependencies_lacks_none() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
