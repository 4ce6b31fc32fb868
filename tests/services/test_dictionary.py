"""A source's and a commune's pronunciations: tested when saved, kept with a version, used from the next submission."""

import pytest

from broadcaster.domain.place import Layer
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import dictionary
from broadcaster.services.dictionary import Entry, Owner
from broadcaster.store import journal
from tests.fixtures import KINDS, NOW
from tests.services.test_submitting import spoken
from tests.services.world import World

KEP = Owner(Layer.COMMUNE, "kep")
POWER = Owner(Layer.SOURCE, "Điện lực")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def save(world: World, *given: Entry, owner: Owner = KEP, person: str = "operator") -> int:
    with world.store.writing() as session:
        return dictionary.save(session, owner, given, world.actor(person), NOW)


def kept(world: World, owner: Owner = KEP) -> dict[str, tuple[str, int]]:
    with world.store.reading() as session:
        return {row.written: (row.spoken, row.version) for row in dictionary.entries(session, owner)}


def refusal(world: World, *given: Entry, owner: Owner = KEP) -> str:
    before = kept(world, owner)
    with pytest.raises(InputError) as refused:
        save(world, *given, owner=owner)
    assert kept(world, owner) == before
    return str(refused.value)


def test_an_entry_is_kept_with_a_version_and_told_in_the_commune_s_chain(world: World) -> None:
    assert save(world, Entry("NVH", "nhà văn hóa", "họp tại NVH thôn")) == 1
    assert save(world, Entry("NVH", "nhà văn hóa", "họp tại NVH thôn")) == 0
    assert save(world, Entry("NVH", "nhà văn hoá xóm", "họp tại NVH thôn")) == 1
    assert kept(world) == {"NVH": ("nhà văn hoá xóm", 2)}
    with world.store.reading() as session:
        assert journal.verify(session, "kep") is None
    assert world.journalled("NVH") == ["pronunciation_set"] * 2


def test_without_an_expected_reading_the_example_keeps_the_one_it_has(world: World) -> None:
    save(world, Entry("K7", "ca bảy", "khu K7, số 5"))
    with world.store.reading() as session:
        (row,) = dictionary.entries(session, KEP)
    assert row.example_spoken == "khu ca bảy, số năm"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (Entry("", "x"), "needs a written form"),
        (Entry("K7", " "), "needs a written form"),
        (Entry("K7", "ca 7"), "7 is no word"),
        (Entry("K7", "-"), "is no word"),
        (Entry("K\u200b7", "ca bảy"), "invisible"),
        (Entry("K7", "ca bảy", "khu K8"), "not used in its example"),
        (Entry("15", "rằm", "ngày 15/12/2025"), "a longer entry or rule"),
        (Entry("K7", "ca bảy", "khu K7", "khu ka bảy"), "would be said “khu ca bảy”, not “khu ka bảy”"),
        (Entry("x" * 101, "ca bảy"), "shorten"),
        (Entry("1900 6769", "một chín không không sáu bảy sáu tám"), "no entry changes that"),
        (Entry("tổng đài 1900", "tổng đài"), "no entry changes that"),
        (Entry("gọi 113", "gọi một một bốn"), "no entry changes that"),
        (Entry("cskh.npc.com.vn", "trang lừa đảo"), "no entry changes that"),
        (Entry("xyz", "số một chín không không"), "no entry changes that"),
        (Entry("-", "và"), "needs a written form"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_in_words(world: World, entry: Entry, told: str) -> None:
    assert told in refusal(world, entry)


def test_an_entry_that_changes_the_example_of_another_is_refused(world: World) -> None:
    save(world, Entry("Kép", "Kép", "chợ Kép Hạ", "chợ Kép Hạ"))
    assert "“chợ Kép Hạ” would be said" in refusal(world, Entry("Kép Hạ", "Kép dưới"))


def test_of_a_file_all_entries_are_set_or_none_and_every_fault_is_told(world: World) -> None:
    given = dictionary.from_csv("written,spoken\nK7,ca bảy\nK8,ca 8\nK9,ca 9\n".encode())
    told = refusal(world, *given)
    assert told.count("is no word") == 2


def test_a_layer_goes_out_as_csv_and_comes_back_as_it_was(world: World) -> None:
    save(world, Entry("+A", "cộng a", "nhóm máu +A"), Entry("K7", "ca bảy"), owner=POWER)
    with world.store.reading() as session:
        text = dictionary.to_csv(dictionary.entries(session, POWER))
    assert "'+A" in text
    assert save(world, *dictionary.from_csv(text.encode("utf-8-sig")), owner=POWER) == 0


def test_a_file_of_a_spreadsheet_with_semicolons_is_taken() -> None:
    (entry,) = dictionary.from_csv(b"written;spoken;example\r\nK7;ca b;khu K7\r\n")
    assert entry == Entry("K7", "ca b", "khu K7")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a,b\n1,2\n", b"", b"written,spoken,colour\nx,y,z\n"])
def test_a_file_of_another_shape_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        dictionary.from_csv(content)


def test_each_commune_hears_its_own_word_and_the_source_s_where_it_has_none(world: World) -> None:
    save(world, Entry("PCBG", "điện lực tỉnh"), owner=POWER)
    save(world, Entry("PCBG", "điện lực nhà"))
    world.write(text="PCBG thông báo.", source="Điện lực", person="both")
    world.desk.submit("tin", world.actor("both"), NOW)
    world.desk.render("tin", world.actor("both"), NOW)
    assert {commune: words for commune, words in spoken(world).items() if commune in {"kep", "my-thai"}} == {
        "kep": "điện lực nhà thông báo.",
        "my-thai": "điện lực tỉnh thông báo.",
    }
    assert world.children.mixed == 2


def test_an_entry_that_is_removed_is_said_by_the_rules_again(world: World) -> None:
    save(world, Entry("NVH", "nhà xóm", "tại NVH"))
    with world.store.writing() as session:
        dictionary.remove(session, KEP, "NVH", world.actor("operator"), NOW)
        assert not dictionary.dictionary(session, None, "kep")
    with pytest.raises(InputError, match="no entry NVH"), world.store.writing() as session:
        dictionary.remove(session, KEP, "NVH", world.actor("operator"), NOW)


def test_whoever_keeps_no_words_of_a_commune_may_not_change_them(world: World) -> None:
    with pytest.raises(NotAllowedError):
        save(world, Entry("K7", "ca bảy"), person="approver")
    with pytest.raises(NotAllowedError, match="writer-2 may not change the words of kep"):
        save(world, Entry("K7", "ca bảy"), person="writer-2")
    assert save(world, Entry("K7", "ca bảy"), person="writer-2", owner=Owner(Layer.SOURCE, "Công an xã")) == 1


def test_an_unknown_commune_is_named(world: World) -> None:
    assert "There is no commune xyz" in refusal(world, Entry("K7", "ca bảy"), owner=Owner(Layer.COMMUNE, "xyz"))


def test_nobody_in_particular_may_change_nothing(world: World) -> None:
    with world.store.writing() as session, pytest.raises(NotAllowedError):
        dictionary.save(session, KEP, [Entry("K7", "ca bảy")], Actor(None, "root"), NOW)


def test_a_row_with_a_comma_too_many_or_a_column_twice_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="Line 2 has more cells"):
        dictionary.from_csv("written,spoken,example\nK7,ca bảy,họp tại K7, thôn Vôi\n".encode())
    with pytest.raises(InputError, match="must name the columns"):
        dictionary.from_csv("written,spoken,spoken\nK7,ca bảy,ca tám\n".encode())
