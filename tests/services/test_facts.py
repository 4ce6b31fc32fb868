"""Which numbers, sites and accounts of a text somebody has verified."""

import pytest

from broadcaster.reading import Dictionary
from broadcaster.services import showing
from broadcaster.services.facts import Standing, claims
from broadcaster.services.preview import as_json, preview
from broadcaster.words import Words
from tests.services.world import World

VERIFIED = """
facts:
  - {key: hotline-2, value: "1900 9095", owner: EVN, source: thư, verified_on: 2026-01-05, verified_by: approver}
  - {key: site-2, value: "https://evn.com.vn/", owner: EVN, source: thư, verified_on: 2026-01-05, verified_by: approver}
"""


def standings(world: World, text: str) -> dict[str, Standing]:
    with world.store.reading() as session:
        return {claim.mention.written: claim.standing for claim in claims(session, text)}


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("Gọi 1900.9095.", "1900.9095", Standing.VERIFIED),
        ("vào evn.com.vn", "evn.com.vn", Standing.VERIFIED),
        ("Gọi 1900 6769.", "1900 6769", Standing.SAMPLE),
        ("Gọi 1900 1234.", "1900 1234", Standing.PREMIUM),
        ("Gọi 0912 345 678.", "0912 345 678", Standing.UNVERIFIED),
        ("vào evn-vn.com", "evn-vn.com", Standing.UNVERIFIED),
        ("chuyển vào tài khoản 19009095", "19009095", Standing.VERIFIED),
        ("Báo ngay 113.", "113", Standing.VERIFIED),
    ],
)
def test_every_number_and_site_has_a_standing(world: World, text: str, written: str, expected: Standing) -> None:
    world.bring(VERIFIED)
    assert standings(world, text) == {written: expected}


def test_without_a_database_nothing_is_verified_but_the_emergency_numbers() -> None:
    assert [c.standing for c in claims(None, "Gọi 1900 9095, 114")] == [Standing.PREMIUM, Standing.VERIFIED]


def test_a_premium_number_has_a_warning_of_its_own() -> None:
    (premium,) = claims(None, "Gọi 1900 1234")
    (plain,) = claims(None, "Gọi 0912 345 678")
    assert "premium-rate" in premium.message
    assert plain.message
    assert "premium-rate" not in plain.message


def test_whoever_decides_on_a_bulletin_is_shown_what_it_claims(world: World) -> None:
    world.write(text="Gọi {hotline} hoặc 0912 345 678.")
    world.submit()
    shown = showing.details(world.store, world.studio, "tin")["claims"]
    assert {claim["written"]: claim["standing"] for claim in shown} == {
        "0912 345 678": Standing.UNVERIFIED,
        "1900 6769": Standing.SAMPLE,
    }


def test_a_preview_aligns_the_reading_and_says_what_to_do() -> None:
    shown = as_json(preview(None, "Gọi 1900 1234 😀", "vi", Dictionary(), 150), Words("en"))
    assert "".join(shown["written"][span["start"] : span["end"]] for span in shown["spans"]) == "Gọi 1900 1234 😀"
    assert [span["rule"] for span in shown["spans"] if span["rule"]] == ["phone"]
    assert [problem["severity"] for problem in shown["problems"]] == ["unsayable"]
    assert shown["is_sayable"] is False
    (claim,) = shown["claims"]
    assert (claim["kind"], claim["value"], claim["standing"]) == ("phone", "19001234", "premium")
    assert "1900 1234 is a premium-rate number" in claim["message"]


def test_the_length_that_is_told_grows_with_the_words() -> None:
    one, two = (preview(None, text, "vi", Dictionary(), 120).duration_ms for text in ("Mười hai.", "Mười hai. Một."))
    assert one == 1000
    assert two > one + 500
