"""An alert is raised once, cleared once, and told in anyone's language."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from _templates import catalogue, fields, templates
from broadcaster.domain.alert import DAMPING, AlertKind
from broadcaster.errors import BroadcasterError
from broadcaster.services import alert_watch, alerts
from broadcaster.services.alerts import clear_alert, open_alerts, raise_alert
from broadcaster.services.communes import remove
from broadcaster.services.telling import REASONS
from broadcaster.store.alert_tables import AlertRow
from broadcaster.store.engine import Store
from broadcaster.words import LANGUAGES, Words
from tests.fixtures import KINDS, NOW
from tests.services.world import World

OFFLINE = AlertKind.LOUDSPEAKER_OFFLINE
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

both_kinds = pytest.mark.parametrize("kind", KINDS)


def rows(store: Store) -> list[AlertRow]:
    with store.reading() as session:
        return list(session.scalars(select(AlertRow).order_by(AlertRow.id)))


@both_kinds
def test_an_alert_is_raised_once_while_it_is_open(store: Store) -> None:
    with store.writing() as session:
        assert raise_alert(session, OFFLINE, "kep", "kep-01", NOW, loudspeaker="kep-01")
        assert not raise_alert(session, OFFLINE, "kep", "kep-01", NOW + MINUTE, loudspeaker="kep-01")
        assert raise_alert(session, OFFLINE, "kep", "kep-02", NOW, loudspeaker="kep-02")
        assert raise_alert(session, OFFLINE, "my-thai", "kep-01", NOW, loudspeaker="kep-01")
        assert raise_alert(session, AlertKind.COMPONENT, None, "kep-01", NOW, component="x", fault="y")
    with store.reading() as session:
        assert {row.subject for row in open_alerts(session, "kep")} == {"kep-01", "kep-02"}
        assert len(open_alerts(session)) == 4


@both_kinds
def test_of_many_who_raise_it_at_once_one_does(store: Store) -> None:
    together = threading.Barrier(4)

    def try_it(_: int) -> bool:
        together.wait()
        with store.writing() as session:
            return raise_alert(session, OFFLINE, "kep", "kep-01", NOW, loudspeaker="kep-01")

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_it, range(4))) == 1
    assert len(rows(store)) == 1


@both_kinds
def test_it_is_cleared_once_and_may_come_again(store: Store) -> None:
    with store.writing() as session:
        raise_alert(session, OFFLINE, "kep", "kep-01", NOW, loudspeaker="kep-01")
        assert clear_alert(session, OFFLINE, "kep", "kep-01", NOW + MINUTE)
        assert not clear_alert(session, OFFLINE, "kep", "kep-01", NOW + MINUTE)
        later = NOW + MINUTE + DAMPING
        assert raise_alert(session, OFFLINE, "kep", "kep-01", later, loudspeaker="kep-01")
    assert [(row.cleared_at, row.times, row.is_opening_told) for row in rows(store)] == [
        (NOW + MINUTE, 1, False),
        (None, 1, False),
    ]


@both_kinds
def test_what_comes_and_goes_is_one_alert_that_counts(store: Store) -> None:
    with store.writing() as session:
        for number in range(3):
            raise_alert(session, OFFLINE, "kep", "kep-01", NOW + 2 * number * MINUTE, loudspeaker="kep-01")
            clear_alert(session, OFFLINE, "kep", "kep-01", NOW + (2 * number + 1) * MINUTE)
    assert [(row.times, row.is_opening_told, row.is_clearing_told) for row in rows(store)] == [
        (1, False, True),
        (2, True, True),
        (3, True, False),
    ]


def test_what_could_not_be_written_raises_nothing(world: World) -> None:
    with pytest.raises(RuntimeError), world.store.writing() as session:
        raise_alert(session, OFFLINE, "kep", "kep-01", NOW, loudspeaker="kep-01")
        raise RuntimeError
    assert rows(world.store) == []


@pytest.mark.parametrize("kind_of_alert", AlertKind)
@pytest.mark.parametrize("language", [*LANGUAGES, "bn"])
def test_every_kind_is_told_in_every_language(kind_of_alert: AlertKind, language: str) -> None:
    fault = BroadcasterError("The disk of {folder} is full.", folder="data")
    values = {"loudspeaker": "kep-01", "component": "disk", "title": "Phòng cháy", "fault": fault}
    values |= {"station": "kep-nguon", "source": "Tỉnh", "bulletin": "nguon-1"}
    row = AlertRow(
        kind=kind_of_alert, commune="kep", template=alerts.OPENED[kind_of_alert], fields=alerts.written(values)
    )
    for is_cleared in (False, True):
        text = Words(language).error(alerts.text_of(row, is_cleared=is_cleared, commune="Kép"))
        assert text
        assert "{" not in text


def test_every_text_of_alerts_has_bengali_words() -> None:
    """Recipients may read Bengali, though the program itself does not speak it yet."""
    texts = [*alerts.OPENED.values(), *alerts.CLEARED.values(), *alert_watch._AIRED_NOT.values(), *REASONS.values()]
    known = catalogue("bn")
    assert [text for text in texts if text != "{fault}" and fields(known.get(text, "")) != fields(text)] == []
    assert set(known) <= set(templates())


def test_an_error_is_kept_so_that_it_can_be_told_in_any_language() -> None:
    inner = BroadcasterError("There are no alerts.")
    outer = BroadcasterError("{component} works on the server again.", component=inner, list=[inner], number=3)
    found = alerts.read(alerts.written(outer))
    assert isinstance(found, BroadcasterError)
    assert Words("vi").error(found) == "Không có cảnh báo nào. trên máy chủ đã hoạt động trở lại."
    assert found.values["number"] == 3
    assert alerts.written({"path": DAY, "error": OSError(2, "none")}) == {"path": "1 day, 0:00:00", "error": "none"}


def test_what_is_long_over_is_forgotten_but_nothing_that_is_open_or_untold(world: World) -> None:
    with world.store.writing() as session:
        for subject in ("old", "untold", "open"):
            raise_alert(session, OFFLINE, "kep", subject, NOW, loudspeaker=subject)
        clear_alert(session, OFFLINE, "kep", "old", NOW, quietly=True)
        clear_alert(session, OFFLINE, "kep", "untold", NOW)
        raise_alert(session, AlertKind.AIRING, "kep", "lich", NOW, fault="x", title="x")
        alerts.forget(session, NOW + 6 * DAY, 90 * DAY)
        assert len(open_alerts(session)) == 2
        alerts.forget(session, NOW + 91 * DAY, 90 * DAY)
    assert [(row.subject, row.cleared_at) for row in rows(world.store)] == [
        ("untold", NOW),
        ("open", None),
        ("lich", NOW + 91 * DAY),
    ]


def test_the_alerts_of_a_commune_that_is_removed_are_over(world: World) -> None:
    world.bring("communes: [{code: moi, name: Mới}]")
    with world.store.writing() as session:
        raise_alert(session, OFFLINE, "moi", "moi-01", NOW, loudspeaker="moi-01")
    remove(world.store, "moi", world.actor("operator"), NOW)
    assert [(row.cleared_at, row.is_clearing_told) for row in rows(world.store)] == [(NOW, True)]
