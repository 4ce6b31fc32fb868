"""Keys that have ended, and keys that follow one another while a commune's day of airings goes on."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder
from broadcaster.orders.keys import LIFETIME, Purpose
from broadcaster.orders.payload import IMMEDIATE, TYPE, Command, Payload
from broadcaster.orders.strict_json import whole
from tests.faults.office import FaultOffice
from tests.faults.village import AIRED, KEP, village_in

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])

ALERTS = "SELECT count(*) FROM alerts WHERE kind = 'keys_ending' AND commune = 'kep'"
DETAIL = "SELECT detail FROM deliveries JOIN airings ON id = airing WHERE commune = 'kep' ORDER BY due_at"
SIGNED = "SELECT envelope FROM outbox WHERE cmd = 'play' AND commune = 'kep' ORDER BY id"


@pytest.mark.campaign
def test_with_an_expired_key_nothing_is_signed_or_obeyed_and_the_next_keys_bring_it_back(office: FaultOffice) -> None:
    with village_in(office, keys_age=LIFETIME + timedelta(days=1)) as village, office.worker():
        village.until_online()
        office.wait_for(ALERTS, lambda found: found[0][0] == 2)  # one for orders, one for stops
        office.rehearse(1, first_in_s=3)
        village.until_ended()
        (key,) = village.airings()
        assert village.outcomes() == [("failed", "not_signed", "none")]
        assert office.query(DETAIL) == [
            ("No key of kep is valid now. Make the next ones: broadcaster keys rotate kep",)
        ]
        assert "broadcaster keys rotate kep" in office.run("log", "show", key).stdout.replace("\n", " ")
        ring = keyfolder.load(office.built().keys_folder, "kep")
        expired = next(key for key in ring.private if key.public.purpose is Purpose.ORDER)
        now = whole(datetime.now(UTC))
        tone = partial(
            Payload,
            Command.TEST,
            Mode.TEST,
            key,
            "",
            (KEP.loudspeaker,),
            max_s=1,
            volume_max=50,
            priority=Priority.NORMAL,
        )
        while_valid = expired.public.not_after - IMMEDIATE
        for seq, nbf in enumerate((now, while_valid), start=1):
            order = tone(seq=seq, nbf=nbf, start=nbf, exp=nbf + IMMEDIATE)
            village.intrude(envelopes.sign(order.as_bytes(), TYPE, expired))
        office.until(lambda: {"key_time", "expired"} <= village.refusals())
        office.run("keys", "rotate", "kep", "--as", "administrator")
        office.rehearse(1, first_in_s=6, skip=1)
        village.until_ended()
    assert village.outcomes()[1:] == [AIRED], village.story()
    assert len(village.heard()) == 1


@pytest.mark.campaign
def test_keys_that_follow_one_another_during_a_day_of_airings_cost_none(office: FaultOffice) -> None:
    """The present key ends while airings that it has signed are still to come; what is planned then has the next."""
    ends_in = timedelta(seconds=40)
    with village_in(office, keys_age=LIFETIME - ends_in) as village, office.worker():
        village.until_online()
        ends_at = datetime.now(UTC) + ends_in  # a little later than it is
        office.run("keys", "rotate", "kep", "--as", "administrator")
        left_s = (ends_at - datetime.now(UTC)).total_seconds()
        office.rehearse(5, first_in_s=left_s - 6)
        village.until_ready(5)
        office.until(lambda: datetime.now(UTC) > ends_at)
        office.rehearse(3, first_in_s=15, skip=5)
        village.until_ready(8)
        village.until_ended()
    assert village.outcomes() == [AIRED] * 8, village.story()
    assert len(village.heard()) == 8
    signers = [json.loads(envelope)["signatures"][0]["keyid"] for (envelope,) in office.query(SIGNED)]
    assert len(set(signers[:5])) == len(set(signers[5:])) == 1
    assert signers[0] != signers[-1]
