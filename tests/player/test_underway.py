"""What is said again, and when: a slow server is not told everything again and again."""

from paho.mqtt.client import MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode

from broadcaster.player.underway import AGAIN_S, UnderWay


def confirmed() -> MQTTMessageInfo:
    info = MQTTMessageInfo(1)
    info._set_as_published()
    return info


def test_what_nobody_acknowledges_is_said_again_later_and_later() -> None:
    under_way = UnderWay()
    said_s = []
    for second in range(int(8 * AGAIN_S)):
        for number in under_way.due([1], (), float(second), 50):
            under_way.said(number, float(second), confirmed())
            said_s.append(second)
    assert said_s == [0, AGAIN_S, 3 * AGAIN_S, 7 * AGAIN_S]


def test_what_the_broker_has_not_confirmed_is_not_said_again() -> None:
    under_way, info = UnderWay(), MQTTMessageInfo(1)
    under_way.said(1, 0.0, info)
    assert under_way.due([1], (), 1e6, 50) == []
    info._set_as_published()
    assert under_way.due([1], (), 1e6, 50) == [1]


def test_what_was_never_sent_for_want_of_a_connection_is_said_again() -> None:
    under_way, info = UnderWay(), MQTTMessageInfo(1)
    info.rc = MQTTErrorCode.MQTT_ERR_NO_CONN
    under_way.said(1, 0.0, info)
    assert under_way.due([1], (), AGAIN_S, 50) == [1]


def test_the_oldest_come_first_some_at_a_time_and_what_is_new_at_once() -> None:
    under_way = UnderWay()
    assert under_way.due([1, 2, 3, 4], {4}, 0.0, 2) == [1, 2, 4]
    for number in (1, 2, 4):
        under_way.said(number, 0.0, MQTTMessageInfo(number))
    assert under_way.due([1, 2, 3, 4], (), 1.0, 2) == [], "as many as may be are under way"
    assert under_way.due([3], (), 2.0, 2) == [3], "the others are acknowledged"


def test_a_new_connection_begins_from_the_beginning() -> None:
    under_way = UnderWay()
    under_way.said(1, 0.0)
    under_way.begin()
    assert under_way.due([1], (), 1.0, 50) == [1]
