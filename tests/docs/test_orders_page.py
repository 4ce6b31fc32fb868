"""docs/orders.md says what the verifier does, and its example is checked by openssl exactly as the page tells."""

import json
import re
import shutil
import subprocess
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from _environment import ROOT
from broadcaster.domain.place import Mode
from broadcaster.orders import envelope, keydocument, payload
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.keys import LIFETIME, PrivateKey, PublicKey, Purpose
from broadcaster.orders.memory import WINDOW, Memory, State
from broadcaster.orders.payload import Approval, Audio, Command, Lateness, LatePolicy, Payload
from broadcaster.orders.verify import Accepted, Listener, Refusal, examine

PAGE = (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
SIGNED_AT = datetime(2026, 11, 23, 9, 0, 0, 250_000, tzinfo=UTC)
DUE = datetime(2026, 11, 23, 10, tzinfo=UTC)
CLIP = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

ORDER = Payload(
    cmd=Command.PLAY,
    mode=Mode.LIVE,
    airing="01KAR8Q0Z3V9T6M4N2P5S7W8XY",
    ref="cat-dien",
    targets=("lang-giang-01", "lang-giang-02"),
    seq=1_795_424_400_250,
    nbf=SIGNED_AT,
    start=DUE,
    exp=DUE + timedelta(minutes=5),
    max_s=95.5,
    volume_max=80,
    repeats=2,
    gap_s=5,
    late=Lateness(LatePolicy.START, 300),
    audio=Audio(CLIP, 684_000, "audio/mpeg", f"https://loa.example/clips/{CLIP}.mp3"),
    approvals=(Approval("minh", datetime(2026, 11, 22, 8, 30, tzinfo=UTC), "ab" * 32),),
)


def key() -> PrivateKey:
    secret = Ed25519PrivateKey.from_private_bytes(SECRET)
    raw = secret.public_key().public_bytes_raw()
    return PrivateKey(PublicKey(Purpose.ORDER, ("lang-giang",), SIGNED_AT, SIGNED_AT + LIFETIME, raw), secret)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def rows(first: str, last: str) -> list[str]:
    """What stands in the first cells of a table of the page, between two headings."""
    part = PAGE.split(f"\n## {first}\n")[1].split(f"\n## {last}\n")[0]
    return [name for cell in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)]


ORDER_LINE, PAYLOAD_LINE = (block.rstrip("\n") for block in blocks("json"))
PUBLIC_LINE = blocks("text")[1].rstrip("\n")


def test_the_example_is_what_the_program_signs() -> None:
    assert envelope.sign(ORDER.as_bytes(), payload.TYPE, key()).decode() == ORDER_LINE
    assert ORDER.as_bytes().decode() == PAYLOAD_LINE
    assert key().public.text == PUBLIC_LINE
    assert f"`{key().public.id}`" in PAGE


def test_the_example_is_obeyed() -> None:
    listener = Listener(
        "lang-giang", frozenset({"lang-giang-02"}), Mode.LIVE, (key().public,), ZoneInfo("Asia/Ho_Chi_Minh")
    )
    assert isinstance(examine(ORDER_LINE.encode(), listener, Memory(), SIGNED_AT), Accepted)


def checked_by_openssl(folder: Path, order: str) -> subprocess.CompletedProcess[str]:
    """What the commands of the page say to an order."""
    if shutil.which("openssl") is None or shutil.which("sh") is None:
        pytest.skip("The page's commands need a shell and the program openssl.")
    (folder / "order.json").write_text(order + "\n", encoding="ascii")
    (folder / "key.txt").write_text(PUBLIC_LINE + "\n", encoding="ascii")
    return subprocess.run(
        ["sh", "-euc", "".join(blocks("sh"))], cwd=folder, capture_output=True, text=True, check=False
    )


def test_openssl_alone_verifies_the_example_as_the_page_tells(tmp_path: Path) -> None:
    done = checked_by_openssl(tmp_path, ORDER_LINE)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    assert done.stdout.endswith(f"{key().public.id}\n")
    assert (tmp_path / "payload.json").read_text(encoding="utf-8") == PAYLOAD_LINE


def test_openssl_refuses_the_example_with_another_payload(tmp_path: Path) -> None:
    louder = envelope.sign(ORDER.as_bytes().replace(b'"volume_max":80', b'"volume_max":99'), payload.TYPE, key())
    forged = json.loads(ORDER_LINE) | {"payload": json.loads(louder)["payload"]}
    done = checked_by_openssl(tmp_path, json.dumps(forged, separators=(",", ":")))
    assert done.returncode != 0
    assert "Verified Successfully" not in done.stdout


def test_every_field_stands_on_the_page_with_those_inside_it() -> None:
    names = rows("The order", "What a loudspeaker checks")
    assert names[: len(fields(Payload)) + 1] == ["v", *(field.name for field in fields(Payload))]
    inner = {field.name for kind in (Audio, Lateness, Approval) for field in fields(kind)}
    assert {name for name in inner if f"`{name}`" not in PAGE} == set()


def test_every_command_stands_on_the_page_with_the_key_that_signs_it() -> None:
    assert re.findall(r"^\| `(\w+)` \| (order|stop) key \|", PAGE, re.MULTILINE) == [
        *((str(cmd), str(cmd.purpose)) for cmd in (Command.PLAY, Command.CANCEL, Command.VOLUME, Command.TEST)),
        *((str(cmd), str(cmd.purpose)) for cmd in (Command.STOP, Command.RELEASE)),
    ]


def test_every_refusal_stands_on_the_page_in_the_order_of_the_checks() -> None:
    assert rows("What a loudspeaker checks", "Keys and keys.json") == list(Refusal)


def test_every_field_of_keys_json_stands_on_the_page() -> None:
    document = json.loads(KeyDocument("kep", 1, SIGNED_AT, (key().public,)).as_bytes())
    expected = {*document, *document["keys"][0]}
    assert set(rows("Keys and keys.json", "An example")) == expected


@pytest.mark.parametrize(
    "figure",
    [
        str(envelope.ORDER_LIMIT_BYTES), str(keydocument.LIMIT_BYTES), f"{WINDOW:,}", payload.TYPE, keydocument.TYPE,
        f"1 to {envelope.MAX_SIGNATURES} signatures", f"1 to {payload.MAX_TARGETS} loudspeakers",
        f"up to {payload.MAX_CLIP_BYTES};", f"up to {payload.MAX_LENGTH_S} ", f"1 to {payload.MAX_APPROVALS} times",
        f"1 to {keydocument.MAX_KEYS} objects", f"good for {LIFETIME.days} days", *(f"`{state}`" for state in State),
    ],
)  # fmt: skip
def test_the_limits_of_the_page_are_those_of_the_program(figure: str) -> None:
    assert figure in " ".join(PAGE.split())
