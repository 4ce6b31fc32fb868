"""A province's source system with the messages in use: sign-in, tokens that run out, playlists, and a log of starts."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from broadcaster.connectors.source_words import FIELDS
from tests.fakes.http_station import HttpStation, Reply, Request

PASSWORD = "mat-khau-tinh"


class SourceSystem(HttpStation):
    """Calls are named by the last part of their path: `login`, `ping`, `add`, `delete`, `log`, `list`, `report`, and so
    are sounds, which lie in `sounds` by their path.

    `names` are a province's own words for what stands in a message.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.names = FIELDS | dict(names or {})
        self.playlists: dict[str, dict[str, Any]] = {}
        self.refuses = ""
        self.clusters_down: set[str] = set()
        self.foreign: list[object] = []
        """Entries of the log about what others air."""
        self.listed: list[object] | object = []
        """What `list` answers: bulletins, or something else."""
        self.heard: list[dict[str, Any]] = []
        """The airing log messages that were taken; the same one again is there again."""
        self.will_not_have = ""
        """Why no airing log message is taken, where none is."""
        self.sounds: dict[str, bytes] = {}
        self._tokens: set[str] = set()
        super().__init__()

    def name(self, request: Request) -> str:
        return request.path.rsplit("/", 1)[-1]

    def now(self) -> datetime:
        return datetime.now(UTC)

    def expire(self) -> None:
        """No token that was given is good any more."""
        self._tokens.clear()

    def reply(self, request: Request) -> Reply:
        if request.path in self.sounds:
            assert "Authorization" not in request.headers
            return Reply(200, self.sounds[request.path], "audio/wav")
        message, name = json.loads(request.body), self.names
        if not all(isinstance(value, str) for value in _leaves(message)):
            return self._say("1", "Giá trị phải là chuỗi")
        if self.name(request) == "login":
            if message != {name["username"]: "xa-kep", name["password"]: PASSWORD}:
                return self._say("1", "Sai tên đăng nhập hoặc mật khẩu")
            self._tokens.add(token := secrets.token_urlsafe(16))
            return self._say("0", "OK", {name["token"]: token})
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return Reply(401, b"", "application/json")
        answers = {
            "ping": lambda _: self._say("0", "OK"), "add": self._add, "delete": self._delete, "log": self._log,
            "list": lambda _: self._say("0", "OK", self.listed), "report": self._report,
        }  # fmt: skip
        return answers[self.name(request)](message)

    def bulletin(self, airing: str) -> dict[str, str]:
        """What a playlist says of its only bulletin."""
        playlist = self.playlists[f"bc-{airing}"]
        ((entry,),) = [at[self.names["bulletins"]] for at in playlist[self.names["dates"]][0][self.names["times"]]]
        return dict(entry)

    def _add(self, message: dict[str, Any]) -> Reply:
        if self.refuses:
            return self._say("1", self.refuses)
        self.playlists[message[self.names["playlist"]]] = message
        return self._say("0", "OK")

    def _delete(self, message: dict[str, Any]) -> Reply:
        found = self.playlists.pop(message[self.names["playlist"]], None)
        return self._say("0", "OK") if found else self._say("1", "Không có lịch phát")

    def _report(self, message: dict[str, Any]) -> Reply:
        if self.will_not_have:
            return self._say("1", self.will_not_have)
        self.heard.append(message)
        return self._say("0", "OK")

    def _log(self, message: dict[str, Any]) -> Reply:
        name = self.names
        since = int(message[name["since"]])
        entries = [
            {name["bulletin"]: key, name["cluster"]: cluster, name["started_at"]: start}
            for key, playlist in self.playlists.items()
            for cluster in playlist[name["clusters"]][name["cluster"]]
            if cluster not in self.clusters_down
            for start in [playlist[name["dates"]][0][name["times"]][0][name["start"]]]
            if since <= int(start) <= self.now().timestamp()
        ]
        return self._say("0", "OK", [*self.foreign, *entries])

    def _say(self, status: str, message: str, content: object = None) -> Reply:
        name = self.names
        answer = {name["status"]: status, name["message"]: message, name["content"]: content}
        return Reply(200, json.dumps(answer).encode(), "application/json")


def listed(key: str = "T-1", **more: object) -> dict[str, object]:
    """A text bulletin of the province as it stands on its list."""
    return {
        "BanTinID": key, "TieuDe": "Cảnh báo cháy rừng", "LoaiBanTin": "1", "MucDoUuTien": "3", "LoaiLinhVuc": "4",
        "NoiDungTomTat": "Nguy cơ cháy rừng", "NoiDung": "Bà con không đốt nương.", "ThoiLuong": "00:00:10",
        "ThoiGianSanXuat": "1795400000", "NguonTin": "Tỉnh", "TenNguon": "Chi cục Kiểm lâm", "NguonID": "9",
        "TacGia": {"TenDayDu": "Nguyễn Văn A", "ButDanh": "", "Email": ""}, "DichID": "xa-kep", "TenDich": "Kép",
    } | more  # fmt: skip


def _leaves(message: object) -> Iterator[object]:
    if isinstance(message, dict):
        for value in message.values():
            yield from _leaves(value)
    elif isinstance(message, list):
        for value in message:
            yield from _leaves(value)
    else:
        yield message
