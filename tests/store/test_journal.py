"""The journal's chains: whatever is changed, taken out, swapped or put in afterwards is found, and its place named."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from broadcaster.domain.roles import Actor
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action, Fault
from tests.fixtures import NOW

ACTOR = Actor("operator", "root")


def write(store: Store, chain: str = "kep", count: int = 1, data: Mapping[str, object] | None = None) -> None:
    for number in range(count):
        with store.writing() as session:
            journal.append(
                session,
                chain=chain,
                action=Action.AIRING_ENDED,
                now=NOW + timedelta(seconds=number),
                actor=ACTOR,
                subject=f"airing-{number}",
                data=data or {"number": number},
            )


def fault(store: Store, chain: str = "kep") -> Fault | None:
    with store.reading() as session:
        return journal.verify(session, chain)


@dataclass(frozen=True)
class Forger:
    """Someone with the database in their hands; `?` stands for a value."""

    cursor: Any
    mark: str

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self.cursor.execute(statement.replace("?", self.mark), values)


@contextmanager
def forger(store: Store) -> Iterator[Forger]:
    with closing(store.engine.raw_connection()) as connection:
        yield Forger(connection.cursor(), "?" if store.engine.dialect.name == "sqlite" else "%s")
        connection.commit()


def sealed(payload: bytes) -> tuple[bytes, str]:
    return payload, hashlib.sha256(payload).hexdigest()


@pytest.fixture
def chain(store: Store) -> Store:
    write(store, count=5)
    return store


def test_an_untouched_chain_verifies(chain: Store) -> None:
    assert fault(chain) is None


def test_each_step_of_the_walk_is_told(chain: Store) -> None:
    steps: list[None] = []
    with chain.reading() as session:
        journal.verify(session, "kep", lambda: steps.append(None))
        assert len(steps) == journal.length(session, "kep") == 5


def test_an_entry_says_who_did_what_when_and_what_came_before(store: Store) -> None:
    write(store, data={"outcome": "aired", "at": NOW})
    write(store)
    with forger(store) as connection:
        payloads = [
            json.loads(row[0]) for row in connection.execute("SELECT payload FROM journal ORDER BY seq").fetchall()
        ]
        hashes = [row[0] for row in connection.execute("SELECT hash FROM journal ORDER BY seq").fetchall()]
    assert payloads[0] == {
        "chain": "kep", "seq": 1, "previous": "0" * 64, "at": "2026-11-23T02:00:00+00:00", "action": "airing_ended",
        "subject": "airing-0", "by": "operator", "os_user": "root",
        "data": {"outcome": "aired", "at": "2026-11-23T02:00:00+00:00"},
    }  # fmt: skip
    assert payloads[1]["previous"] == hashes[0]


def test_chains_do_not_know_of_each_other(chain: Store) -> None:
    write(chain, "my-thai", 2)
    with chain.reading() as session:
        assert journal.chains(session) == ["kep", "my-thai"]
        assert journal.length(session, "my-thai") == 2
    with forger(chain) as connection:
        connection.execute("UPDATE journal SET subject = 'x' WHERE chain = 'my-thai' AND seq = 1")
    assert fault(chain) is None
    assert fault(chain, "my-thai") == Fault("my-thai", 1, fault_message(chain, "my-thai"))


def fault_message(store: Store, chain: str) -> str:
    found = fault(store, chain)
    assert found is not None
    return found.message


def assert_first_fault(store: Store, seq: int, message: str) -> None:
    found = fault(store)
    assert found is not None
    assert (found.chain, found.seq) == ("kep", seq)
    assert message in found.message.format(chain=found.chain, seq=found.seq)


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_one_changed_byte_is_found(chain: Store, seq: int) -> None:
    with forger(chain) as connection:
        (payload,) = connection.execute("SELECT payload FROM journal WHERE seq = ?", (seq,)).fetchone()
        forged = payload.replace(b"operator", b"0perator")
        connection.execute("UPDATE journal SET payload = ? WHERE seq = ?", (forged, seq))
    assert_first_fault(chain, seq, f"entry {seq} of chain kep was changed")


@pytest.mark.parametrize("column", ["action", "subject", "at", "chain"])
def test_a_changed_column_beside_the_payload_is_found(chain: Store, column: str) -> None:
    value = {"at": "2020-01-01 00:00:00.000000", "chain": "kep2"}.get(column, "planned")
    with forger(chain) as connection:
        connection.execute(f"UPDATE journal SET {column} = ? WHERE seq = 3", (value,))
    assert_first_fault(chain, 3, "entry 3 of chain kep")


@pytest.mark.parametrize("seq", [1, 3, 4])
def test_a_deleted_entry_is_missed(chain: Store, seq: int) -> None:
    with forger(chain) as connection:
        connection.execute("DELETE FROM journal WHERE seq = ?", (seq,))
    assert_first_fault(chain, seq, f"entry {seq} of chain kep is missing")


@pytest.mark.parametrize("kept", [4, 1, 0])
def test_a_cut_tail_is_missed(chain: Store, kept: int) -> None:
    with forger(chain) as connection:
        connection.execute("DELETE FROM journal WHERE seq > ?", (kept,))
    assert_first_fault(chain, kept + 1, f"lost its entries from {kept + 1} on")


def test_swapped_entries_are_found(chain: Store) -> None:
    with forger(chain) as connection:
        for before, after in ((2, -2), (4, 2), (-2, 4)):
            connection.execute("UPDATE journal SET seq = ? WHERE seq = ?", (after, before))
    assert_first_fault(chain, 2, "entry 2 of chain kep does not follow")


def test_swapped_contents_are_found(chain: Store) -> None:
    with forger(chain) as connection:
        second, fourth = connection.execute(
            "SELECT payload, hash, action, subject, at FROM journal WHERE seq IN (2, 4) ORDER BY seq"
        ).fetchall()
        for values, seq in ((second, 4), (fourth, 2)):
            connection.execute(
                "UPDATE journal SET payload = ?, hash = ?, action = ?, subject = ?, at = ? WHERE seq = ?",
                (*values, seq),
            )
    assert_first_fault(chain, 2, "entry 2 of chain kep does not follow")


def insert(connection: Forger, seq: int, changes: Mapping[str, object]) -> None:
    """Put a well-formed entry at a place, as a copy of the last one with changes."""
    payload, action, subject, at = connection.execute(
        "SELECT payload, action, subject, at FROM journal ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    body = json.dumps(json.loads(payload) | {"seq": seq, **changes}).encode()
    connection.execute(
        "INSERT INTO journal (chain, seq, at, action, subject, payload, hash) VALUES ('kep', ?, ?, ?, ?, ?, ?)",
        (seq, at, action, subject, *sealed(body)),
    )


def test_an_entry_put_in_the_middle_is_found(chain: Store) -> None:
    with forger(chain) as connection:
        connection.execute("UPDATE journal SET seq = -seq - 1 WHERE seq > 2")
        connection.execute("UPDATE journal SET seq = -seq WHERE seq < 0")
        (previous,) = connection.execute("SELECT hash FROM journal WHERE seq = 2").fetchone()
        insert(connection, 3, {"previous": previous})
    assert_first_fault(chain, 4, "entry 4 of chain kep does not follow")


def test_an_entry_put_at_the_end_is_named_itself(chain: Store) -> None:
    with forger(chain) as connection:
        (previous,) = connection.execute("SELECT hash FROM journal WHERE seq = 5").fetchone()
        insert(connection, 6, {"previous": previous})
    assert_first_fault(chain, 6, "entry 6 of chain kep")


def test_an_entry_rewritten_with_its_own_hash_breaks_the_next_one(chain: Store) -> None:
    with forger(chain) as connection:
        (payload,) = connection.execute("SELECT payload FROM journal WHERE seq = 3").fetchone()
        forged = sealed(payload.replace(b"operator", b"somebody"))
        connection.execute("UPDATE journal SET payload = ?, hash = ? WHERE seq = 3", forged)
    assert_first_fault(chain, 4, "entry 4 of chain kep does not follow")


def test_the_last_entry_rewritten_with_its_own_hash_does_not_fit_the_head(chain: Store) -> None:
    with forger(chain) as connection:
        (payload,) = connection.execute("SELECT payload FROM journal WHERE seq = 5").fetchone()
        connection.execute(
            "UPDATE journal SET payload = ?, hash = ? WHERE seq = 5", sealed(payload.replace(b"operator", b"somebody"))
        )
    assert_first_fault(chain, 5, "entry 5 of chain kep")


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe", b"[]", b"null", b'{"seq": 3}'])
def test_rubbish_with_a_fitting_hash_is_found_and_does_not_stop_the_walk(chain: Store, rubbish: bytes) -> None:
    with forger(chain) as connection:
        connection.execute("UPDATE journal SET payload = ?, hash = ? WHERE seq = 3", sealed(rubbish))
    assert_first_fault(chain, 3, "entry 3 of chain kep does not follow")


def test_a_chain_whose_head_was_taken_is_not_whole(chain: Store) -> None:
    with forger(chain) as connection:
        connection.execute("DELETE FROM chain_heads")
    assert fault(chain) is not None


def test_a_chain_that_was_deleted_but_for_its_head_is_still_listed_and_missed(chain: Store) -> None:
    with forger(chain) as connection:
        connection.execute("DELETE FROM journal")
    with chain.reading() as session:
        assert journal.chains(session) == ["kep"]
    assert_first_fault(chain, 1, "lost its entries from 1 on")


def test_writers_of_one_chain_leave_no_gap(store: Store) -> None:
    threads = [threading.Thread(target=write, args=(store, name, 15)) for name in ("kep", "kep", "kep", "my-thai")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert [journal.length(session, name) for name in ("kep", "my-thai")] == [45, 15]
    assert fault(store) is None
    assert fault(store, "my-thai") is None


def test_an_entry_goes_with_the_change_it_tells_of(chain: Store) -> None:
    with pytest.raises(RuntimeError), chain.writing() as session:
        journal.append(session, chain="kep", action=Action.PLANNED, now=NOW, actor=ACTOR, subject="plan")
        raise RuntimeError("the change failed")
    with chain.reading() as session:
        assert journal.length(session, "kep") == 5
    assert fault(chain) is None


def test_several_entries_of_one_change_follow_each_other(store: Store) -> None:
    with store.writing() as session:
        for chain in ("kep", "my-thai", "kep"):
            journal.append(session, chain=chain, action=Action.PLANNED, now=NOW, actor=ACTOR, subject="plan")
    assert fault(store) is None
    assert fault(store, "my-thai") is None


def test_a_naive_time_is_refused_and_leaves_nothing(chain: Store) -> None:
    with pytest.raises(StatementError, match="naive datetime"), chain.writing() as session:
        journal.append(
            session, chain="kep", action=Action.PLANNED, now=NOW.replace(tzinfo=None), actor=ACTOR, subject="plan"
        )
    assert fault(chain) is None


def test_a_time_of_another_zone_verifies(store: Store) -> None:
    with store.writing() as session:
        hanoi = NOW.astimezone(timezone(timedelta(hours=7)))
        journal.append(session, chain="kep", action=Action.PLANNED, now=hanoi, actor=ACTOR, subject="plan")
    assert fault(store) is None


def test_what_is_journalled_of_a_thing_comes_back_in_order(chain: Store) -> None:
    write(chain, "my-thai", 1, {"second": True})
    with chain.reading() as session:
        found = [(row.chain, row.seq) for row in journal.entries_about(session, "airing-0")]
    assert found == [("kep", 1), ("my-thai", 1)]
