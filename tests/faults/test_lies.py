"""A loudspeaker that lies: with its own key and password, over a real broker, beside the one that says what is so."""

from collections import Counter
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.orders.device import DeviceKey, PlayState
from broadcaster.orders.topics import Device, Part
from tests.faults.office import WORDS
from tests.faults.village import AIRED, KEP, Village, liar_in

pytestmark = [pytest.mark.parametrize("kind", ["sqlite"]), pytest.mark.campaign]

OTHER = Device("my-thai", "my-thai-01")
ELSEWHERE = "SELECT id FROM airings WHERE commune = 'my-thai' AND bulletin = '{word}'"
MESSAGES = "SELECT count(*) FROM device_messages WHERE commune = '{commune}'"


def test_a_lie_is_journalled_and_ignored_and_what_is_true_counts_as_ever(village: Village) -> None:
    office = village.office
    with office.worker():
        village.until_online()
        office.rehearse(2, first_in_s=15)
        village.until_ready(2)
        heard, cancelled = village.airings()
        other = str(office.query(ELSEWHERE.format(word=WORDS[0]))[0][0])
        office.withdraw(WORDS[1])
        office.wait_for(f"SELECT outcome FROM airings WHERE id = '{cancelled}'", lambda found: found[0][0] is not None)
        with liar_in(village) as before:
            before.says(heard, PlayState.FINISHED)  # before it can have started
            before.says(heard, PlayState.STARTED)
            before.says(cancelled, PlayState.FINISHED)
            before.says(other, PlayState.FINISHED)  # of another commune
            before.says("01KAR8Q0Z3V9T6M4N2P5S7W8XY", PlayState.FINISHED)  # of none
        village.until_ended()
        with liar_in(village) as after:
            after.says(heard, PlayState.FINISHED)  # twice
            after.says(heard, PlayState.STOPPED)
        village.until_ignored(before.lies + after.lies)
        office.wait_for("SELECT outcome IS NOT NULL FROM airings", lambda found: all(ended for (ended,) in found))
    assert village.outcomes() == [AIRED, ("cancelled", "withdrawn", "none")], village.story()
    assert len(village.heard()) == 1
    told = Counter(village.ignored())  # beside them, what the true one says again after it was pushed out
    assert [told[lie] for lie in (*before.lies, *after.lies)] == [1] * 7
    assert office.query(f"SELECT outcome FROM airings WHERE id = '{other}'") == [("aired",)]
    office.run("log", "verify")


def test_nobody_speaks_for_another_loudspeaker_nor_with_another_key(village: Village) -> None:
    office = village.office
    with office.worker():
        village.until_online()
        before = office.query(MESSAGES.format(commune="kep"))[0][0]
        with liar_in(village) as liar:
            stranger = replace(liar.identity, key=DeviceKey(Ed25519PrivateKey.generate()))
            true_key, liar.identity = liar.identity, stranger
            liar.says("01KAR8Q0Z3V9T6M4N2P5S7W8XY", PlayState.FINISHED)
            liar.identity = true_key
            for part in Part:
                liar.client.publish(OTHER.topic(part), b'{"online": false}')
            liar.client.publish(KEP.topic(Part.ORDER), b"{}")
            liar.says("01KAR8Q0Z3V9T6M4N2P5S7W8XY", PlayState.FINISHED)
        village.until_ignored([liar.lies[-1]])
    kept = office.query(MESSAGES.format(commune="kep"))[0][0]
    assert kept > before
    assert office.query(MESSAGES.format(commune="my-thai")) == [(0,)]
    assert village.ignored() == [liar.lies[-1]]
