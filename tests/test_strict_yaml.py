"""YAML read strictly: what is refused, and that the file and the line are named."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster import strict_yaml
from broadcaster.errors import InputError
from broadcaster.strict_yaml import Strict, parse


def refusal(text: str) -> str:
    with pytest.raises(InputError) as refused:
        parse(text, "loa.yaml")
    return str(refused.value)


def data(text: str) -> Any:
    return parse(text, "loa.yaml").data


def test_plain_data_is_read() -> None:
    text = "name: Kép\nslots:\n  - {start: '17:00', days: [1, 2.5, true, null]}\n"
    assert data(text) == {"name": "Kép", "slots": [{"start": "17:00", "days": [1, 2.5, True, None]}]}


def test_an_empty_file_holds_nothing() -> None:
    assert data("") == data("# only a comment\n") == {}


def test_every_part_knows_its_line() -> None:
    document = parse("a: 1\nb:\n  - c: 2\n  - d:\n      - 3\n", "loa.yaml")
    assert [document.line_of(place) for place in [("a",), ("b",), ("b", 0, "c"), ("b", 1, "d", 0)]] == [1, 2, 3, 5]
    assert document.line_of(("b", 1, "nowhere", 7)) == 4
    assert document.line_of(("nowhere",)) == 1


def test_a_key_that_stands_twice_is_refused_where_it_stands_again() -> None:
    assert refusal("a: 1\nb: 2\na: 3\n") == "loa.yaml, line 3: a stands here twice."
    assert refusal("x:\n  - {a: 1, 'a': 2}\n") == "loa.yaml, line 2: a stands here twice."


@pytest.mark.parametrize("text", ["17:00", "[05:30, 17:00]", "{start: 17:00}", "17:00:30", "1:30.5"])
def test_an_unquoted_time_is_refused_with_the_remedy(text: str) -> None:
    assert "Put the time in quotes" in refusal(f"at: {text}\n")


def test_a_time_that_yaml_reads_as_text_stays_text() -> None:
    assert data('at: ["17:00", 05:30]\n') == {"at": ["17:00", "05:30"]}


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system ['ls']", "!!python/name:os.system", "!!python/tuple [1]", "!!binary aGVsbG8=",
     "!secret x", "!secret [x]", "!secret {x: 1}", "!!python/object:x.Y {a: 1}", "!!set {a, b}", "!!omap [a: 1]",
     "!!python/object/new:os.system [ls]"],
)  # fmt: skip
def test_tags_are_refused_on_anything(value: str) -> None:
    assert refusal(f"a: 1\nb: {value}\n").startswith("loa.yaml, line 2: ")


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1.0e+999"])
def test_numbers_that_are_none_are_refused(value: str) -> None:
    assert refusal(f"a:\n  b: {value}\n") == f"loa.yaml, line 2: {value} is not a number that can be used."


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "2026-13-01",
        "2026-01-01T25:00:00Z",
        "2026-01-01T05:00:00+99:99",
        "1" * 5000,
        "!!bool maybe",
        "!!timestamp soon",
        "!!int many",
    ],
)
def test_a_day_or_number_that_cannot_be_is_refused_where_it_stands(value: str) -> None:
    assert refusal(f"a: 1\nb:\n  - {value}\n").startswith("loa.yaml, line 3: ")


def test_keys_are_words() -> None:
    assert "a key must be a word" in refusal("? [a]\n: b\n")
    assert "a key must be a word" in refusal("? {a: 1}\n: b\n")


@pytest.mark.parametrize(
    "text",
    ["[" * 30 + "]" * 30, "{a: " * 30 + "1" + "}" * 30, "[" * 10_000 + "]" * 10_000, "a: &a [*a]", "a: &a {b: *a}",
     "a: &a {<<: *a}"],
    ids=["lists", "mappings", "ten thousand lists", "a list in itself", "a mapping in itself", "merged into itself"],
)  # fmt: skip
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    assert "too deeply" in refusal(text)


def doubling(first: str, next_: str, depth: int) -> str:
    return f"a0: &a0 {first}\n" + "".join(f"a{n}: &a{n} {next_.format(n - 1)}\n" for n in range(1, depth + 1))


@pytest.mark.parametrize(
    "text",
    [
        doubling("[x, x, x, x, x, x, x, x, x]", "[*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]", 9),
        doubling("{x: 1}", "{{p: *a{0}, q: *a{0}, r: *a{0}, s: *a{0}, t: *a{0}, u: *a{0}}}", 12),
        doubling("{x: 1}", "{{<<: [*a{0}, *a{0}]}}", 60),
        doubling("{}", "{{<<: [*a{0}, *a{0}]}}", 60),
    ],
    ids=["lists", "mappings", "merges", "merges of nothing"],
)
def test_a_bomb_of_aliases_does_not_go_off(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "_MAX_NODES", 20_000)  # as with the real limit, only sooner
    assert "too large" in refusal(text)


def test_an_alias_repeats_what_it_names() -> None:
    assert data("a: &a [1, 2]\nb: *a\n") == {"a": [1, 2], "b": [1, 2]}


def test_a_merge_takes_over_what_is_not_given() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\nturned: {b: 3, <<: *base}\n"
    assert data(text)["own"] == data(text)["turned"] == {"a": 1, "b": 3}


def test_of_several_merges_the_first_counts() -> None:
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n"
    assert data(text)["c"] == {"x": 1, "y": 2}


def test_the_line_of_an_own_key_is_not_that_of_the_merged_one() -> None:
    document = parse("base: &base\n  a: 1\nown:\n  a: 2\n  <<: *base\n", "loa.yaml")
    assert document.line_of(("own", "a")) == 4


@pytest.mark.parametrize("value", ["5", "text", "[1, 2]", "[{a: 1}, x]", "null"])
def test_a_merge_of_what_has_no_keys_is_refused(value: str) -> None:
    assert refusal(f"a: 1\nb: {{<<: {value}, c: 2}}\n").startswith("loa.yaml, line 2: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\n", 3), ("a: 1\n\tb: 2\n", 2), ("a: 1\n---\nb: 2\n", 2), ("a: *nowhere\n", 1), ("a: b: c\n", 1)],
)
def test_what_is_no_yaml_is_refused_with_the_line(text: str, line: int) -> None:
    assert refusal(text).startswith(f"loa.yaml, line {line}: this is not YAML: ")


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    assert refusal(f"a: 1\nb: x{character}y\n").startswith("loa.yaml, line 2: this is not YAML: ")


@given(st.text(alphabet="ab:-[]{},&*<!?|>'\"#%@ \n1.~\t", max_size=30))
def test_any_text_is_read_or_refused_and_never_a_crash(text: str) -> None:
    try:
        strict_yaml.parse(text, "loa.yaml")
    except InputError as error:
        assert str(error).startswith("loa.yaml")


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "loa.yaml"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text("tên: Kép\r\n", encoding=encoding)
        assert strict_yaml.load(path).data == {"tên": "Kép"}


@pytest.mark.parametrize("content", [b"t\xean: K\xe9p\n", b"\xff\xfea\x00:\x00"])
def test_a_file_in_another_encoding_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "loa.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"loa\.yaml cannot be read"):
        strict_yaml.load(path)


def test_a_file_that_is_not_there_or_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            strict_yaml.load(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "loa.yaml"
    with path.open("wb") as file:
        file.truncate(strict_yaml.MAX_BYTES + 1)
    with pytest.raises(InputError, match="larger than 20 MB"):
        strict_yaml.load(path)


class Horn(Strict):
    name: str
    volume_percent: int = 100


class Pole(Strict):
    horns: list[Horn]


def fault(text: str) -> str:
    with pytest.raises(InputError) as refused:
        parse(text, "loa.yaml").validate(Pole)
    return str(refused.value)


def test_a_typo_names_the_line_and_the_nearest_key() -> None:
    text = "horns:\n  - name: a\n  - name: b\n    volume_pecent: 50\n"
    assert fault(text) == (
        "loa.yaml, line 4: horns.1.volume_pecent: unknown key volume_pecent. Did you mean volume_percent?"
    )


def test_a_key_like_no_other_names_all_that_are_known() -> None:
    assert fault("horns: []\nxyz: 1\n") == "loa.yaml, line 2: xyz: unknown key xyz. Known: horns."


def test_every_fault_is_told_on_a_line_of_its_own() -> None:
    lines = fault("horns:\n  - {volume_percent: loud}\n  - {name: [x]}\n").splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["loa.yaml, line 2", "horns.0.name"],
        ["loa.yaml, line 2", "horns.0.volume_percent"],
        ["loa.yaml, line 3", "horns.1.name"],
    ]


def test_a_list_where_a_mapping_belongs_is_refused() -> None:
    assert fault("- 1\n").startswith("loa.yaml, line 1: ")


def test_a_model_gives_the_values() -> None:
    assert parse("horns: [{name: a}]", "loa.yaml").validate(Pole) == Pole(horns=[Horn(name="a", volume_percent=100)])
