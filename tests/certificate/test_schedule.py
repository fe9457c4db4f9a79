"""When to ask for a certificate."""

import pytest

from appliance.certificate.issued import Facts
from appliance.certificate.schedule import AGAIN, AGAIN_REFUSED, MOST_AGAIN, due, pause

NAME = "relay.example.org"
DAY = 86400.0


@pytest.mark.parametrize("days", [90, 64, 6])
def test_two_thirds_of_its_life(days: int) -> None:
    found = Facts((NAME,), 1000.0, 1000.0 + days * DAY)
    at = 1000.0 + days * DAY * 2 / 3
    assert not due(found, NAME, at - 1, 0.0)
    assert due(found, NAME, at + 1, 0.0)
    # Not all cards at once, and never later than that.
    assert not due(found, NAME, at + 1, 1.0)
    assert due(found, NAME, at + days * DAY / 50 + 1, 1.0)
    assert due(found, NAME, found.not_after + 1, 1.0)


def test_none_or_one_for_another_name() -> None:
    assert due(None, NAME, 0.0, 1.0)
    assert due(Facts(("other.example.org",), 0.0, 90 * DAY), NAME, 1.0, 1.0)
    assert not due(Facts(("other.example.org", NAME), 0.0, 90 * DAY), NAME.upper(), 1.0, 1.0)


def test_pauses() -> None:
    assert [pause(number, False, 0.0) for number in (1, 2, 3)] == [AGAIN, 2 * AGAIN, 4 * AGAIN]
    assert pause(1, True, 0.0) == AGAIN_REFUSED
    # Five failures an hour are Let's Encrypt's limit for a name.
    assert sum(pause(number, True, 0.0) for number in (1, 2, 3)) > 3600
    assert pause(1, False, 1.0) == 1.5 * AGAIN
    assert pause(10_000, True, 1.0) == 1.5 * MOST_AGAIN
