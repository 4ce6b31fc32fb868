"""A commune's keys on the disk: private keys that only their owner may read, and every version of `keys.json`.

    <keys>/<commune>/keys-000001.json ...   the newest one counts
    <keys>/<commune>/<key id>.pem           PKCS #8, not encrypted: the worker has to start without a person

Private keys are written before the document that names them, so that whatever breaks off leaves the version before. On
Windows the folder is made for its owner alone (Python 3.11.10 and newer), and the files in it inherit that.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from filelock import FileLock, Timeout

from broadcaster import files
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.orders import keydocument
from broadcaster.orders.keydocument import MAX_KEYS, KeyDocument
from broadcaster.orders.keys import OVERLAP, PrivateKey, PublicKey, Purpose, new_key, newest, signer
from broadcaster.orders.payload import PACK
from broadcaster.orders.strict_json import ID, whole

_DOCUMENT = re.compile(r"keys-([0-9]{6,15})\.json")
_PATIENCE_S = 30.0


class KeyFolderError(BroadcasterError):
    """A commune's keys cannot be read or written as they lie on the disk."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """A commune's keys in use: `envelope` is its newest `keys.json`, byte for byte."""

    document: KeyDocument
    envelope: bytes
    private: tuple[PrivateKey, ...]

    @property
    def commune(self) -> str:
        return self.document.commune

    def signer(self, purpose: Purpose, at: datetime) -> PrivateKey | None:
        """The key to sign with at a moment, or None where none is valid then."""
        return signer(self.private, purpose, at)

    def next_begins(self, now: datetime) -> datetime | None:
        """When the next keys will sign that are there already; None where there are none but those in use."""
        using = [key.public for purpose in Purpose if (key := self.signer(purpose, now)) is not None]
        is_waiting = any(key.is_valid(now) and key not in using for key in self.document.keys)
        return max(key.not_after for key in using) if is_waiting else None


def communes(folder: Path) -> list[str]:
    """The communes that have keys."""
    return sorted({path.parent.name for path in folder.glob("*/keys-*.json") if _DOCUMENT.fullmatch(path.name)})


def make(folder: Path, commune: str, now: datetime) -> KeyRing | None:
    """A commune's first keys; None where it has some already, also where another process was quicker."""
    with _locked(folder, commune) as home:
        if _versions(home):
            return None
        new = [new_key(purpose, commune, now) for purpose in Purpose]
        document = KeyDocument(commune, 1, whole(now), tuple(key.public for key in new))
        return _written(home, document, new, signers=[])


def rotate(folder: Path, commune: str, now: datetime, *, at_once: bool = False) -> KeyRing:
    """The next keys, valid from now on; the present ones sign on for 14 days at most.

    With `at_once`, for keys that somebody else may know, nobody trusts the present ones any more. Raises InputError
    where the next keys wait already, KeyFolderError where there are none to follow.
    """
    with _locked(folder, commune) as home:
        before = _loaded(home)
        begins = before.next_begins(now)
        if begins is not None and not at_once:
            raise InputError(
                "{commune} has its next keys already; they are used from {date} on.",
                commune=commune,
                date=f"{begins:%Y-%m-%d}",
            )
        new = [new_key(purpose, commune, now) for purpose in Purpose]
        kept = () if at_once else tuple(_ending(key, now) for key in before.document.keys if _is_needed(key, now))
        if len(kept) + len(new) > MAX_KEYS:
            raise InputError("The keys of {commune} were changed too often; wait some days.", commune=commune)
        keys = (*kept, *(key.public for key in new))
        document = KeyDocument(commune, before.document.version + 1, whole(now), keys)
        known = newest((key.public for key in before.private), Purpose.ORDER)
        signers = [key for key in before.private if key.public == known]
        old = [replace(key, public=public) for key in before.private for public in kept if key.public.raw == public.raw]
        ring = _written(home, document, [*old, *new], signers)
        _forget(home, ring)
        return ring


def load(folder: Path, commune: str) -> KeyRing:
    """A commune's keys. Raises KeyFolderError where there are none, or they are damaged, or others may read them."""
    home = _home(folder, commune)
    version = max(_versions(home), default=0)
    try:
        return _loaded(home)
    except KeyFolderError:
        if max(_versions(home), default=0) == version:
            raise
        return _loaded(home)  # they were changed at once, between the document and its keys


def document(folder: Path, commune: str, version: int | None = None) -> bytes:
    """A version of a commune's `keys.json`, the newest unless told otherwise. Raises KeyFolderError."""
    home = _home(folder, commune)
    known = _versions(home)
    wanted = version if version is not None else max(known, default=0)
    if wanted not in known:
        raise KeyFolderError(
            "{commune} has no such keys. Make some with: broadcaster keys init {commune}", commune=commune
        )
    return _read(known[wanted])


def newest_version(folder: Path, commune: str) -> int:
    """The version of a commune's newest `keys.json`; 0 where it has none."""
    return max(_versions(_home(folder, commune)), default=0)


def _home(folder: Path, commune: str) -> Path:
    if not ID.fullmatch(commune):
        raise InputError("There is no commune {commune}.", commune=commune)
    return folder / commune


@contextmanager
def _locked(folder: Path, commune: str) -> Iterator[Path]:
    """The commune's folder, for one process at a time."""
    home = _home(folder, commune)
    try:
        for each in (folder, home):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(home / ".lock", timeout=_PATIENCE_S):
            yield home
    except Timeout as error:
        raise KeyFolderError("Another program is changing the keys of {commune}.", commune=commune) from error
    except OSError as error:
        raise KeyFolderError("The folder {folder} cannot be written: {error}", folder=home, error=error) from error


def _versions(home: Path) -> dict[int, Path]:
    found = {match: path for path in home.glob("keys-*.json") if (match := _DOCUMENT.fullmatch(path.name))}
    return {int(match[1]): path for match, path in found.items()}


def _loaded(home: Path) -> KeyRing:
    envelope = document(home.parent, home.name)
    try:
        found = keydocument.pin(envelope)
    except BroadcasterError as error:
        raise KeyFolderError("The keys in {folder} are damaged: {error}", folder=home, error=error) from error
    if found.commune != home.name:
        raise KeyFolderError("The keys in {folder} belong to {commune}.", folder=home, commune=found.commune)
    return KeyRing(found, envelope, tuple(_private(home, key) for key in found.keys))


def _private(home: Path, key: PublicKey) -> PrivateKey:
    path = home / f"{key.id}.pem"
    try:
        secret = load_pem_private_key(_read(path, is_private=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFolderError("The keys in {folder} are damaged: {error}", folder=path, error=error) from error
    if not isinstance(secret, Ed25519PrivateKey) or secret.public_key().public_bytes_raw() != key.raw:
        raise KeyFolderError("{file} is not the key that keys.json names.", file=path)
    return PrivateKey(key, secret)


def _read(path: Path, *, is_private: bool = False) -> bytes:
    """The bytes of a file. What others may read is no secret any more, and is refused as ssh does it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if is_private and os.name != "nt" and mode & 0o077:
                raise KeyFolderError(
                    "Others may read {file}. Run: chmod 600 {file} - and if somebody may have: "
                    "broadcaster keys rotate --at-once",
                    file=path,
                )
            return file.read(keydocument.LIMIT_BYTES + 1)
    except OSError as error:
        raise KeyFolderError("{file} cannot be read: {error}", file=path, error=error) from error


def _written(home: Path, new: KeyDocument, private: Iterable[PrivateKey], signers: list[PrivateKey]) -> KeyRing:
    """Private keys first, then the document that makes them count."""
    ring = tuple(private)
    for key in ring:
        path = home / f"{key.public.id}.pem"
        if not path.exists():
            pem = key.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            files.write(path, pem, is_private=True)
    own = newest(new.keys, Purpose.ORDER)
    envelope = new.signed(*signers, *(key for key in ring if key.public == own))
    files.settle(home)
    files.write(home / f"keys-{new.version:06d}.json", envelope)
    files.settle(home)
    return KeyRing(new, envelope, ring)


def _forget(home: Path, ring: KeyRing) -> None:
    """Remove private keys that no document names any more."""
    named = {f"{key.id}.pem" for key in ring.document.keys}
    for path in home.glob("*.pem"):
        if path.name not in named:
            path.unlink()


def _ending(key: PublicKey, now: datetime) -> PublicKey:
    return replace(key, not_after=min(key.not_after, whole(now) + OVERLAP))


def _is_needed(key: PublicKey, now: datetime) -> bool:
    """What a key has signed in its last moment may be good for 8 days more."""
    return now <= key.not_after + PACK
