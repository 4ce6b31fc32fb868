"""YAML that is written here is read back as the same values, and is as people would write it."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster import strict_yaml
from broadcaster.plain_yaml import Lines, dump

ODD = [
    "", " ", "no", "Yes", "null", "~", "true", "123", "007", "0o17", "0x1F", "1e5", "1_000", "1.5", ".5", "-", "--",
    "-1", "+84", "17:00", "05:30", "190:20:30", "2026-11-23", "2026-11-23T10:00:00+07:00", "=", "<<", "<", "*", "*a",
    "&a", "!tag", "|", ">", "%", "@", "`", "'", '"', "\\", "\\n", "#", "a #b", "a: b", "a:", "- a", "?", "? a",
    "[a, b]", "{commune}", "---", "...", "a\u00a0b", "\ufeff", "\u2028", "a\u2029b", "\x85", "\r\n", "a\rb", "\t",
    "a\tb", "\n", "\n\n", " a\nb ", "a \nb", "a\n\n  b\n", "\x00", "\x1b[31m", "⚡ Thôn Vôi", "👨\u200d👩\u200d👧",
    "বিদ্যুৎ\u200cঅফিস", "e\u0302\u0323", "Ộ" * 200, "\U0010ffff", "\ufffe",
]  # fmt: skip
texts = st.sampled_from(ODD) | st.text(max_size=40) | st.text(alphabet="ab:-[]{},&*<!?|>'\"#%@ \n1.~\t", max_size=20)
moments = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001
    timezones=st.integers(-14 * 4, 14 * 4).map(lambda quarter: timezone(timedelta(minutes=15 * quarter))),
)
scalars = (
    texts
    | texts.map(Lines)
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.dates(min_value=date(1000, 1, 1))
    | moments
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


def read(text: str) -> Any:
    return strict_yaml.parse(text, "a.yaml").data


@given(values)
def test_whatever_is_written_is_read_back_as_it_was(value: Any) -> None:
    assert read(dump({"part": [{"key": value}]})) == {"part": [{"key": value}]}


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_stays_a_text_wherever_it_stands(text: str) -> None:
    for value in (text, {text: text}, [text], {"part": [{"a": text, "b": [text, {text: [text]}]}]}):
        assert read(dump(value)) == value


def test_a_date_that_stands_there_twice_is_written_twice() -> None:
    day = date(2026, 11, 23)
    assert dump({"a": [day, day]}) == "a:\n  - 2026-11-23\n  - 2026-11-23\n"


def test_it_looks_as_people_write_it() -> None:
    entry = {
        "name": "Lạng Giang",
        "slots": [{"name": "Buổi sáng", "start": "05:30"}, {"name": "Buổi chiều", "start": "17:00"}],
        "caps": {"minutes": 45.0, "weekends": False},
        "dates": [date(2026, 11, 20), date(2026, 11, 27)],
        "expires": datetime(2026, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=7))),
        "phone": "1900 0000",
        "text": Lines("Một dòng: đây.\n"),
        "more": "Dòng một, \nDòng hai",
    }
    assert dump({"communes": [entry]}) == (
        "communes:\n"
        "  - name: Lạng Giang\n"
        "    slots:\n"
        '      - {name: Buổi sáng, start: "05:30"}\n'
        '      - {name: Buổi chiều, start: "17:00"}\n'
        "    caps: {minutes: 45, weekends: false}\n"
        "    dates: [2026-11-20, 2026-11-27]\n"
        "    expires: 2026-12-31T23:59:00+07:00\n"
        '    phone: "1900 0000"\n'
        "    text: |\n"
        "      Một dòng: đây.\n"
        "    more: |-\n"
        "      Dòng một, \n"
        "      Dòng hai\n"
    )


def test_a_list_that_is_too_long_for_a_line_gets_a_line_for_each() -> None:
    codes = [f"xa-{number:03}" for number in range(100)]
    written = dump({"schedules": [{"communes": codes}]})
    assert written.count("\n") == 102
    assert read(written) == {"schedules": [{"communes": codes}]}
