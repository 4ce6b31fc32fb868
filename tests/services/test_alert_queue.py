"""Whoever is to be told is told once, however often the mail server is down and the worker dies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from broadcaster.domain.alert import AlertKind, Channel
from broadcaster.domain.roles import Actor
from broadcaster.errors import BroadcasterError
from broadcaster.letters import Letter, UndeliveredError
from broadcaster.mail import MailServer as Out
from broadcaster.mail import Security
from broadcaster.services import alert_queue, alerts
from broadcaster.services.alert_queue import GIVEN_UP_AFTER, Queue, Recipient
from broadcaster.services.alerts import clear_alert, raise_alert
from broadcaster.store.alert_tables import AlertMessageRow
from tests.fakes.smtp import MailServer, Vice, mail_server
from tests.fixtures import NOW
from tests.services.world import World

OFFLINE = AlertKind.LOUDSPEAKER_OFFLINE
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class NoChance(Random):
    """The middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@dataclass
class Box:
    """A recipient; what arrived, and what its next deliveries do instead of arriving."""

    letters: list[Letter] = field(default_factory=list)
    next: list[BroadcasterError | Callable[[], None]] = field(default_factory=list)

    def __call__(self, letter: Letter) -> None:
        if self.next:
            act = self.next.pop(0)
            if isinstance(act, BroadcasterError):
                raise act
            act()
        self.letters.append(letter)

    @property
    def subjects(self) -> list[str]:
        return [letter.subject.removeprefix("[Broadcaster] ") for letter in self.letters]


class Died(BaseException):
    """The process is gone."""


def dies() -> None:
    raise Died


def recipient(box: Box, to: str = "a@kep.vn", commune: str | None = None, language: str = "en") -> Recipient:
    return Recipient(Channel.MAIL, to, language, box, commune)


def queue(world: World, *recipients: Recipient) -> Queue:
    return Queue(world.store, recipients, Actor(None, "root"), NoChance())


def raised(world: World, *loudspeakers: str, commune: str = "kep", at: datetime = NOW) -> None:
    with world.store.writing() as session:
        for loudspeaker in loudspeakers:
            raise_alert(session, OFFLINE, commune, loudspeaker, at, loudspeaker=loudspeaker)


def cleared(world: World, *loudspeakers: str, at: datetime) -> None:
    with world.store.writing() as session:
        for loudspeaker in loudspeakers:
            clear_alert(session, OFFLINE, "kep", loudspeaker, at)


def messages(world: World) -> list[AlertMessageRow]:
    with world.store.reading() as session:
        return list(session.scalars(select(AlertMessageRow).order_by(AlertMessageRow.id)))


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


def test_an_alert_and_its_end_are_told_once_each(world: World, box: Box) -> None:
    sending = queue(world, recipient(box))
    raised(world, "kep-01")
    for minutes in range(1, 4):
        sending.send(NOW + minutes * MINUTE)
    assert box.subjects == ["Loudspeaker kep-01 in Kép is not connected."]
    cleared(world, "kep-01", at=NOW + 10 * MINUTE)
    for minutes in range(10, 20):
        sending.send(NOW + minutes * MINUTE)
    assert box.subjects[1:] == ["Loudspeaker kep-01 in Kép is connected again."]
    assert world.journalled("alerts") == ["alert_sent", "alert_sent"]
    world.assert_chains_hold()


def test_all_of_one_minute_is_one_letter(world: World, box: Box) -> None:
    sending = queue(world, recipient(box, language="vi"))
    for number in range(50):
        raised(world, f"kep-{number:02}", at=NOW + number * timedelta(seconds=1))
        assert sending.send(NOW + number * timedelta(seconds=1)) == 0
    assert sending.send(NOW + MINUTE) == 1
    assert box.subjects == ["50 cảnh báo mới, 0 đã hết"]
    assert box.letters[0].text.count("mất kết nối") == 50
    assert "- 09:00 23/11/2026  Cụm loa kep-00 ở Kép mất kết nối." in box.letters[0].text
    assert len(box.letters[0].data) == 50


def test_a_mail_has_an_end_but_programs_get_all(world: World, box: Box) -> None:
    raised(world, *(f"kep-{number:03}" for number in range(100)))
    queue(world, recipient(box)).send(NOW + MINUTE)
    assert box.letters[0].text.count("is not connected") == 60
    assert "and 40 more" in box.letters[0].text
    assert len(box.letters[0].data) == 100


def test_everybody_is_told_of_their_own_commune_in_their_own_language(world: World) -> None:
    all_of_it, kep, my_thai = Box(), Box(), Box()
    sending = queue(
        world, recipient(all_of_it), recipient(kep, "b@kep.vn", "kep", "vi"), recipient(my_thai, "c@mt.vn", "my-thai"),
        recipient(all_of_it, commune="kep"),
    )  # fmt: skip
    raised(world, "kep-01")
    with world.store.writing() as session:
        fault = BroadcasterError("There are no alerts.")
        raise_alert(session, AlertKind.COMPONENT, None, "disk", NOW, component="disk", fault=fault)
    sending.send(NOW + MINUTE)
    assert all_of_it.subjects == ["2 new alerts, 0 over"]
    assert kep.subjects == ["Cụm loa kep-01 ở Kép mất kết nối."]
    assert my_thai.subjects == []


def test_what_comes_and_goes_is_told_once_and_summed_up_at_its_end(world: World, box: Box) -> None:
    sending = queue(world, recipient(box))
    for minutes in range(0, 20, 4):
        raised(world, "kep-01", at=NOW + minutes * MINUTE)
        cleared(world, "kep-01", at=NOW + (minutes + 1) * MINUTE)
        for more in range(4):
            sending.send(NOW + (minutes + more) * MINUTE)
    assert len(box.letters) == 1
    sending.send(NOW + HOUR)
    sending.send(NOW + HOUR + 2 * MINUTE)
    assert box.subjects[1:] == ["Loudspeaker kep-01 in Kép is connected again. It came and went 5 times."]


def test_a_mail_server_that_is_down_for_hours_loses_nothing(world: World, server: MailServer) -> None:
    out = Out("127.0.0.1", server.port, "loa@example.vn", Security.NONE)
    to = "a@kep.vn"
    sending = queue(world, Recipient(Channel.MAIL, to, "en", lambda letter: out.send(to, letter)))
    server.vice = Vice.REFUSES
    raised(world, "kep-01")
    for minutes in range(1, 300):
        if minutes == 30:
            raised(world, "kep-02", at=NOW + minutes * MINUTE)
        sending.send(NOW + minutes * MINUTE)
    assert 8 <= server.connections <= 20
    server.vice = Vice.NONE
    for minutes in range(300, 340):
        sending.send(NOW + minutes * MINUTE)
    (mail,) = server.mails
    assert "kep-01" in mail.text
    assert "kep-02" in mail.text
    assert [message.due_at for message in messages(world)] == [None, None]
    assert all(message.sent_at and message.error is None for message in messages(world))


def test_what_a_server_will_never_take_is_given_up_and_journalled(world: World, box: Box) -> None:
    box.next = [UndeliveredError("no such user", is_permanent=True)]
    raised(world, "kep-01")
    sending = queue(world, recipient(box))
    for minutes in range(1, 100):
        sending.send(NOW + minutes * MINUTE)
    (message,) = messages(world)
    assert (message.tries, message.given_up_at, message.sent_at) == (1, NOW + MINUTE, None)
    assert world.journalled("alerts") == ["alert_given_up"]
    assert str(alerts.read(message.error)) == "no such user"


def test_after_days_it_is_given_up(world: World, box: Box) -> None:
    box.next = [UndeliveredError("away") for _ in range(100)]
    raised(world, "kep-01")
    sending = queue(world, recipient(box))
    sending.send(NOW + MINUTE)
    sending.send(NOW + GIVEN_UP_AFTER)
    assert messages(world)[0].due_at is not None
    sending.send(NOW + GIVEN_UP_AFTER + HOUR)
    assert messages(world)[0].given_up_at is not None
    assert len(box.next) == 97


def test_a_worker_that_dies_while_sending_repeats_rather_than_loses(world: World, box: Box) -> None:
    box.next = [dies]
    raised(world, "kep-01")
    with pytest.raises(Died):
        queue(world, recipient(box)).send(NOW + MINUTE)
    assert messages(world)[0].sending_at == NOW + MINUTE
    restarted = queue(world, recipient(box))
    restarted.send(NOW + MINUTE)
    assert box.letters == []
    restarted.send(NOW + 3 * MINUTE)
    restarted.send(NOW + HOUR)
    assert len(box.letters) == 1


def test_a_repeated_letter_has_the_id_of_the_first(world: World, box: Box) -> None:
    raised(world, "kep-01", "kep-02")
    sending = queue(world, recipient(box))
    kept: list[str] = []

    def arrives_unsaid(letter: Letter) -> None:
        kept.append(letter.id)
        raise UndeliveredError("the answer was lost")

    queue(world, Recipient(Channel.MAIL, "a@kep.vn", "en", arrives_unsaid)).send(NOW + MINUTE)
    sending.send(NOW + HOUR)
    assert [letter.id for letter in box.letters] == kept


def test_a_server_may_say_how_long_it_wants_to_be_left_alone(world: World, box: Box) -> None:
    box.next = [UndeliveredError("busy", retry_after_s=600.0)]
    raised(world, "kep-01")
    sending = queue(world, recipient(box))
    sending.send(NOW + MINUTE)
    sending.send(NOW + 10 * MINUTE)
    assert box.letters == []
    sending.send(NOW + 11 * MINUTE)
    assert len(box.letters) == 1


def test_a_mail_server_that_is_away_is_asked_once_a_round_and_webhooks_go_on(world: World) -> None:
    first, second, hook = Box(next=[UndeliveredError("away", is_shared=True)]), Box(), Box()
    raised(world, "kep-01")
    sending = queue(
        world, recipient(first), recipient(second, "b@kep.vn"), Recipient(Channel.WEBHOOK, "https://x.vn/a", "en", hook)
    )
    sending.send(NOW + MINUTE)
    assert (len(first.letters), len(second.letters), len(hook.letters)) == (0, 0, 1)
    sending.send(NOW + 2 * MINUTE)
    assert (len(first.letters), len(second.letters), len(hook.letters)) == (1, 1, 1)


def test_who_stands_in_the_settings_no_more_is_told_nothing(world: World, box: Box) -> None:
    box.next = [UndeliveredError("away")]
    raised(world, "kep-01")
    queue(world, recipient(box)).send(NOW + MINUTE)
    queue(world).send(NOW + HOUR)
    assert (messages(world)[0].due_at, messages(world)[0].given_up_at) == (None, NOW + HOUR)


def test_who_is_told_later_is_not_told_of_what_was_before(world: World, box: Box) -> None:
    raised(world, "kep-01")
    queue(world).send(NOW + MINUTE)
    queue(world, recipient(box)).send(NOW + 2 * MINUTE)
    assert box.letters == []


def test_between_two_letters_it_can_be_ended(world: World) -> None:
    first, second = Box(), Box()
    raised(world, "kep-01")
    sending = queue(world, recipient(first), recipient(second, "b@kep.vn"))
    sending.send(NOW + MINUTE, is_over=lambda: bool(first.letters))
    assert (len(first.letters), len(second.letters)) == (1, 0)
    sending.send(NOW + MINUTE)
    assert (len(first.letters), len(second.letters)) == (1, 1)


def test_a_test_is_sent_to_everybody_and_says_what_came_of_it() -> None:
    good, bad = Box(), Box(next=[UndeliveredError("away")])
    found = list(alert_queue.try_out([recipient(good, language="vi"), recipient(bad)], NOW))
    assert [str(error) if error else None for _, error in found] == [None, "away"]
    assert good.subjects == ["Tin thử"]


def test_a_recipient_is_shown_without_what_others_need_not_know() -> None:
    hook = Recipient(Channel.WEBHOOK, "https://hooks.example.vn/T00/secret", "vi", Box())
    assert (recipient(Box(), "truc.ban@kep.vn").shown, hook.shown) == ("t…@kep.vn", "hooks.example.vn")
