"""The words and codes in which a province's source system speaks: known here and nowhere else.

They are those seen in public device and client code, not in an official annex; every value is a text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from broadcaster import net
from broadcaster.domain.bulletin import Field, Priority, digest, normalised
from broadcaster.domain.source import ClusterAiring, Incoming, Medium, SourceBulletin
from broadcaster.errors import InputError

OURS = "bc-"
"""Begins the ids that we give, so that the log's entries about other bulletins can be told apart."""
OK = "0"
AUDIO = "3"
GENERAL = "1"
PRIORITIES = {Priority.EMERGENCY: "1", Priority.PRIORITY: "2", Priority.NORMAL: "3"}
_CLASSES = {code: priority for priority, code in PRIORITIES.items()}
_FIELDS = {
    Field.GENERAL: GENERAL,
    Field.AD_HOC: "2",
    Field.POLICY_LAW: "3",
    Field.DIRECTION: "4",
    Field.KNOWLEDGE: "5",
    Field.GOOD_EXAMPLES: "6",
}
_MEDIA = {"1": Medium.TEXT, AUDIO: Medium.AUDIO}
_KEY_CHARACTERS = 200
_DEPTH = 20
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
_TITLE_CHARACTERS = 200
_NAME_CHARACTERS = 200

FIELDS = {
    "username": "Username",
    "password": "Password",
    "status": "TrangThaiGui",
    "message": "MoTa",
    "content": "NoiDung",
    "token": "Token",
    "playlist": "LichPhatID",
    "clusters": "DanhSachThietBi",
    "cluster": "CumLoaID",
    "dates": "DanhSachNgayPhat",
    "date": "NgayPhat",
    "times": "ThoiDiemPhat",
    "start": "ThoiGianBatDau",
    "end": "ThoiGianKetThuc",
    "bulletins": "DanhSachBanTin",
    "bulletin": "BanTinID",
    "title": "TieuDe",
    "kind": "LoaiBanTin",
    "priority": "MucDoUuTien",
    "field": "LoaiLinhVuc",
    "summary": "NoiDungTomTat",
    "audio": "NoiDung",
    "duration": "ThoiLuong",
    "produced_at": "ThoiGianSanXuat",
    "repeat_kind": "KieuLapLai",
    "repeat_after": "ThoiGianLapLai",
    "repeats": "SoLanLapLai",
    "since": "TuThoiDiem",
    "started_at": "ThoiDiemBatDau",
    "origin": "NguonTin",
    "author": "TacGia",
    "author_name": "TenDayDu",
    "pen_name": "ButDanh",
    "publisher": "TenNguon",
    "destination": "DichID",
    "relayed": "TiepAm",
    "details": "ThongTinChiTietBanTin",
    "detail": "Ten",
    "value": "GiaTri",
}
"""Our names of what stands in a message -> the names in use."""


def epoch(at: datetime) -> str:
    return f"{at.timestamp():.0f}"


def clock_length(duration_ms: int) -> str:
    """A duration as HH:MM:SS."""
    return str(timedelta(seconds=round(duration_ms / 1000))).zfill(8)


def incoming(names: Mapping[str, str], message: object) -> Incoming:
    """What an entry of the list means; one that cannot be taken says why, and has a key all the same."""
    message = _storable(message)
    if not isinstance(message, dict):
        found: dict[str, object] = {"?": message}
        return Incoming(f"?{digest(found)[:16]}", found, digest(found), refusal=InputError("It is no message."))
    key = _plain(message.get(names["bulletin"]))
    if not key or len(key) > _KEY_CHARACTERS:
        refusal = InputError("It has no id ({name}).", name=names["bulletin"])
        return Incoming(f"?{digest(message)[:16]}", message, digest(message), refusal=refusal)
    try:
        bulletin = _bulletin(names, key, message)
    except InputError as error:
        return Incoming(key, message, digest(message), refusal=error)
    return Incoming(key, message, bulletin.sha256, bulletin)


def destination(names: Mapping[str, str], message: Incoming) -> str:
    """For whom it is meant, as the source system names them; empty where it does not say."""
    return _plain(message.message.get(names["destination"]))


def airing_entry(names: Mapping[str, str], airing: ClusterAiring) -> dict[str, object]:
    """The airing log message of one cluster."""
    return {
        names["bulletin"]: airing.source_key or OURS + airing.airing,
        names["title"]: airing.title,
        names["kind"]: AUDIO,
        names["priority"]: PRIORITIES[airing.priority],
        names["field"]: _FIELDS[airing.field],
        names["summary"]: airing.title,
        names["duration"]: clock_length(airing.duration_ms),
        names["origin"]: airing.source,
        names["cluster"]: airing.cluster,
        names["started_at"]: epoch(airing.started_at),
        names["relayed"]: "0",
        names["details"]: [{names["detail"]: name, names["value"]: value} for name, value in _details(airing)],
    }


def _details(airing: ClusterAiring) -> Iterator[tuple[str, str]]:
    """What the message has no field of its own for."""
    yield "LuotPhatID", airing.airing
    if airing.ended_at is not None:
        yield "ThoiDiemKetThuc", epoch(airing.ended_at)
    if airing.outcome is not None:
        yield "KetQua", airing.outcome
    if airing.evidence is not None:
        yield "BangChung", airing.evidence


def _bulletin(names: Mapping[str, str], key: str, message: Mapping[str, Any]) -> SourceBulletin:
    """Raises InputError for a class or kind that we do not know or cannot broadcast, and for one that says nothing."""
    kind, priority = _plain(message.get(names["kind"])), _plain(message.get(names["priority"]))
    if priority not in _CLASSES:
        raise InputError("Its class ({name}: {value}) is unknown.", name=names["priority"], value=priority[:20] or "-")
    if kind not in _MEDIA:
        raise InputError("Its kind ({name}: {value}) cannot be broadcast here: only text and audio can.",
                         name=names["kind"], value=kind[:20] or "-")  # fmt: skip
    medium = _MEDIA[kind]
    content, summary = _plain(message.get(names["audio"])), _plain(message.get(names["summary"]))
    title = _plain(message.get(names["title"]))[:_TITLE_CHARACTERS] or key
    if medium is Medium.AUDIO and not net.is_web_address(content):
        raise InputError("Its sound has no address that can be used.")
    text = f"{title}\n{summary}".strip() if medium is Medium.AUDIO else content or summary
    if not text:
        raise InputError("It has no words.")
    by = {code: found for found, code in _FIELDS.items()}
    return SourceBulletin(
        key=key,
        medium=medium,
        title=title,
        priority=_CLASSES[priority],
        field=by.get(_plain(message.get(names["field"])), Field.GENERAL),  # it decides nothing about what airs
        text=text,
        audio_url=content if medium is Medium.AUDIO else "",
        publisher=(_plain(message.get(names["publisher"])) or _plain(message.get(names["origin"])))[:_NAME_CHARACTERS],
        author=_author(names, message.get(names["author"])),
    )


def _author(names: Mapping[str, str], found: object) -> str:
    if isinstance(found, dict):
        found = found.get(names["author_name"]) or found.get(names["pen_name"])
    return _plain(found)[:_NAME_CHARACTERS]


def _storable(value: Any, depth: int = 0) -> Any:
    """Without what no database keeps and no hash can be made of: NUL, halves of letters, nesting without end."""
    if depth > _DEPTH:
        return "…"
    if isinstance(value, dict):
        return {_storable(name): _storable(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each, depth + 1) for each in value]
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _plain(value: object) -> str:
    """A text of a message; figures are taken for the texts that they should have been, anything else for nothing."""
    is_figure = isinstance(value, int) and not isinstance(value, bool)
    return normalised(str(value)) if isinstance(value, str) or is_figure else ""
