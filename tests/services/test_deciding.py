"""Deciding on a bulletin: by another person, on exactly what was submitted; and how a bulletin comes to its end."""

from datetime import timedelta
from functools import partial

import pytest

from broadcaster.domain.bulletin import Approvable, BulletinState
from broadcaster.errors import InputError, NotAllowedError, SpeechError
from broadcaster.services import approvals, bulletins
from broadcaster.services.bulletins import Permission
from broadcaster.store import submissions
from broadcaster.store.tables import ClipRow, SubmissionRow
from tests.fixtures import NOW
from tests.services.world import World, here


def newest(world: World) -> SubmissionRow:
    with world.store.reading() as session:
        return submissions.newest(session, "tin")


def put_forward(world: World) -> Approvable:
    """What an approver has before them."""
    with world.store.reading() as session:
        _, revision = submissions.bulletin(session, "tin")
        return approvals.approvable_of(session, submissions.newest(session, "tin"), revision)


def refusal(world: World, person: str | None) -> str:
    with pytest.raises(NotAllowedError) as refused:
        approvals.approve(world.store, "tin", world.actor(person), NOW)
    assert world.state() == BulletinState.SUBMITTED
    assert newest(world).decision is None
    return str(refused.value)


def test_another_person_approves(world: World) -> None:
    world.write()
    world.submit()
    approved = world.approve(now=here("10:00"))
    decided = newest(world)
    assert world.state() == BulletinState.APPROVED
    assert (decided.decision, decided.decided_by, decided.decided_at) == ("approved", "approver", here("10:00"))
    assert approved == decided.approved_sha256 == put_forward(world).sha256
    assert world.journalled("tin")[-1] == "bulletin_approved"


def test_nobody_approves_what_they_wrote(world: World) -> None:
    world.write(person="both")
    world.submit()
    assert "both wrote or submitted this bulletin; another person has to decide on it" in refusal(world, "both")


def test_nobody_approves_what_they_submitted(world: World) -> None:
    world.write(person="writer")
    world.desk.submit("tin", world.actor("both"), NOW)
    world.desk.render("tin", world.actor("both"), NOW)
    assert "another person has to decide" in refusal(world, "both")


@pytest.mark.parametrize("person", ["writer-2", "operator", None])
def test_approving_needs_an_approver(world: World, person: str | None) -> None:
    world.write()
    world.submit()
    assert "approver" in refusal(world, person)


def test_an_approver_of_one_commune_does_not_approve_for_others(world: World) -> None:
    world.write()
    world.submit()
    assert "approver-kep is not an approver of: lang-giang, my-thai, tan-dinh, tien-luc" in refusal(
        world, "approver-kep"
    )


def test_an_approver_of_one_commune_approves_for_it(world: World) -> None:
    world.write()
    world.submit(permission=Permission(communes=["kep"]))
    world.approve(person="approver-kep")
    assert world.state() == BulletinState.APPROVED


SOURCES = """
people:
  - {code: cua-nguon, roles: [{role: approver, source: Đội Quản lý điện lực khu vực Lạng Giang}]}
  - {code: nguon-khac, roles: [{role: approver, source: Công an xã}]}
"""


def test_an_approver_of_a_source_approves_its_bulletins_for_any_communes(world: World) -> None:
    world.bring(SOURCES)
    world.write()
    world.submit()
    assert "nguon-khac is not an approver of: kep, lang-giang" in refusal(world, "nguon-khac")
    world.approve(person="cua-nguon")
    assert newest(world).decided_by == "cua-nguon"


def test_an_approver_of_a_source_approves_nothing_of_their_own(world: World) -> None:
    power = "Đội Quản lý điện lực khu vực Lạng Giang"
    world.bring(
        f"people: [{{code: ca-hai, roles: [{{role: editor, source: {power}}}, {{role: approver, source: {power}}}]}}]"
    )
    world.write(person="ca-hai")
    world.submit()
    assert "another person has to decide" in refusal(world, "ca-hai")


def test_an_edit_starts_over(world: World) -> None:
    world.approved()
    world.write(text="Bà con lưu ý.")
    assert world.state() == BulletinState.DRAFT
    with pytest.raises(InputError, match="it has to be submitted first"):
        world.approve()


@pytest.mark.parametrize(
    "edit", [{"title": "Khác"}, {"priority": "priority"}, {"expires": "2026-12-31T00:00:00+07:00"},
             {"template": "canh-bao"}, {"voice": "hum/vi"}, {"source": "Khác"}, {"field": "knowledge"}],
)  # fmt: skip
def test_any_edit_resets_the_approval(world: World, edit: dict[str, str]) -> None:
    world.approved()
    world.write(person="operator", **{"source": "Công an xã"} | edit)
    assert world.state() == BulletinState.DRAFT


def test_an_edit_and_back_has_to_be_approved_again(world: World) -> None:
    world.approved(text="Một.")
    world.write(text="Hai.")
    world.write(text="Một.")
    assert world.state() == BulletinState.DRAFT


def test_writing_the_same_again_changes_nothing(world: World) -> None:
    world.approved(text="Một.")
    world.write(text="Một.\r\n")
    assert world.state() == BulletinState.APPROVED


def test_the_hash_binds_the_sound(world: World) -> None:
    world.write()
    world.submit()
    before = put_forward(world)
    with world.store.writing() as session:
        clip = session.get_one(ClipRow, next(iter(before.clips)))
        clip.sha256 = "0" * 64
    assert put_forward(world).sha256 != before.sha256


@pytest.mark.parametrize(
    "permission",
    [
        Permission(communes=["kep"]),
        Permission(zones=["Phố Kép"]),
        Permission(valid_from=NOW + timedelta(hours=1)),
        Permission(valid_until=NOW + timedelta(days=1)),
    ],
)
def test_the_hash_binds_where_and_when(world: World, permission: Permission) -> None:
    world.write()
    world.submit()
    everywhere = put_forward(world)
    approvals.reject(world.store, "tin", "hẹp lại", world.actor("approver"), NOW)
    world.submit(permission=permission)
    assert put_forward(world).sha256 != everywhere.sha256


def test_what_is_not_rendered_is_not_approved(world: World) -> None:
    world.write(text="Bà con {commune} chú ý.")
    world.desk.submit("tin", world.actor("writer"), NOW)
    with pytest.raises(InputError, match="5 clips of tin are not rendered yet"):
        world.approve()
    assert world.state() == BulletinState.SUBMITTED


def test_what_could_not_be_rendered_is_not_approved_and_the_reason_is_told(world: World) -> None:
    world.write()
    world.engine.is_broken = True
    with pytest.raises(SpeechError):
        world.submit()
    with pytest.raises(InputError, match=r"A clip of tin could not be made: .*hum is broken by the test"):
        world.approve()


def test_what_was_not_submitted_is_not_approved(world: World) -> None:
    world.write()
    with pytest.raises(InputError, match="Bulletin tin is draft; it has to be submitted first"):
        world.approve()


def test_what_is_decided_is_decided(world: World) -> None:
    world.approved()
    for decide in (world.approve, partial(reject, world)):
        with pytest.raises(InputError, match="is approved and cannot become"):
            decide()


def reject(world: World, person: str = "approver") -> None:
    approvals.reject(world.store, "tin", "sai số điện thoại", world.actor(person), here("10:00"))


def test_a_rejected_bulletin_goes_back_with_its_reason_and_may_be_submitted_again(world: World) -> None:
    world.write()
    world.submit()
    reject(world)
    decided = newest(world)
    assert (world.state(), decided.decision, decided.decided_by) == ("rejected", "rejected", "approver")
    assert decided.decision_reason == "sai số điện thoại"
    world.submit()
    world.approve()
    assert world.state() == BulletinState.APPROVED


def test_a_rejection_needs_an_approver_who_is_not_the_author(world: World) -> None:
    world.write(person="both")
    world.submit()
    for person in ("both", "writer-2"):
        with pytest.raises(NotAllowedError):
            reject(world, person)
    assert world.state() == BulletinState.SUBMITTED


@pytest.mark.parametrize("person", ["writer", "approver", "operator"])
def test_a_bulletin_is_withdrawn_by_whoever_works_with_it(world: World, person: str) -> None:
    world.approved()
    world.desk.withdraw("tin", "đã giải quyết", world.actor(person), NOW)
    assert world.state() == BulletinState.WITHDRAWN
    assert world.journalled("tin")[-1] == "bulletin_withdrawn"


def test_nobody_in_particular_withdraws_nothing(world: World) -> None:
    world.approved()
    with pytest.raises(NotAllowedError):
        world.desk.withdraw("tin", "", world.actor(None), NOW)


def test_a_withdrawn_bulletin_comes_back_only_by_an_edit(world: World) -> None:
    world.approved(text="Một.")
    world.withdraw()
    world.write(text="Một.")
    with pytest.raises(InputError, match="is withdrawn and cannot become submitted"):
        world.submit()
    world.approved(text="Hai.")
    assert world.state() == BulletinState.APPROVED


EXPIRY = "2026-11-24T00:00:00+07:00"


@pytest.mark.parametrize(("clock", "count"), [("23:59:59", 0), ("00:00", 1)])
def test_a_bulletin_expires_at_its_moment(world: World, clock: str, count: int) -> None:
    world.approved(expires=EXPIRY)
    now = here(clock, NOW.date() + timedelta(days=clock == "00:00"))
    assert bulletins.expire(world.store, world.actor(None), now) == count
    assert bulletins.expire(world.store, world.actor(None), now) == 0
    assert (world.state() == BulletinState.EXPIRED) == bool(count)


def test_an_older_expiry_that_an_edit_put_off_does_not_count(world: World) -> None:
    world.approved(expires=EXPIRY)
    world.approved(expires="2026-12-24T00:00:00+07:00")
    assert bulletins.expire(world.store, world.actor(None), NOW + timedelta(days=2)) == 0


def test_what_was_withdrawn_does_not_expire_on_top(world: World) -> None:
    world.approved(expires=EXPIRY)
    world.withdraw()
    assert bulletins.expire(world.store, world.actor(None), NOW + timedelta(days=2)) == 0
    assert world.state() == BulletinState.WITHDRAWN


def test_what_was_submitted_anew_after_the_approver_looked_is_not_approved(world: World) -> None:
    world.write()
    world.submit()
    seen = approvals.to_approve(world.store, "tin")
    world.submit("tin", Permission(communes=["kep"]))
    with pytest.raises(InputError, match="submitted anew since you looked at it"):
        approvals.approve(world.store, "tin", world.actor("approver"), NOW, seen)
    looked_again = approvals.to_approve(world.store, "tin")
    assert approvals.approve(world.store, "tin", world.actor("approver"), NOW, looked_again) == looked_again
    assert approvals.to_approve(world.store, "tin") is None
