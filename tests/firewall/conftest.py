"""The card and everybody whom it can meet: one pair of networks for each module that sends packets."""

from collections.abc import Iterator

import pytest

from appliance.firewall.rules import RELAY, rules
from appliance.settings.declared import Settings
from tests.firewall.lane import HOME, Lane, may_be


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    with Lane() as made:
        yield made


@pytest.fixture
def card(lane: Lane) -> Lane:
    """A card at home with the settings that it comes with."""
    lane.rule(rules(Settings(), HOME))
    return lane


@pytest.fixture
def users() -> None:
    """Needs to be other users than root."""
    if not may_be(RELAY):
        pytest.skip("sockets of other users need root: as root ./test runs this")
