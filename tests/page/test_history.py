"""The page's service keeps the history of a relay beside it."""

import json
from collections.abc import Callable

import pytest

from appliance.clock import since_boot
from appliance.history.keeper import card_file, stored
from appliance.history.rules import Sum
from appliance.status.relay import RelayStatus, publish
from tests.page.conftest import Page, wait_until


@pytest.mark.costly
def test_what_was_relayed_is_kept_when_the_service_stops(start: Callable[..., Page]) -> None:
    page = start("--listen", "127.0.0.1")

    def relayed(connections: int, count: int) -> None:
        counters = {"connections": {"443": connections}, "bytes_to_people": {"443": count}}
        publish(page.paths.relay_status, RelayStatus(since_boot(), "0", "running", counters=counters))

    def total() -> Sum:
        return sum(stored(page.paths).slots.values(), Sum())

    # The page looks at once and tells what it has seen.
    wait_until(lambda: stored(page.paths).slots, "the first look")
    relayed(0, 0)
    assert page.stop() == 0
    page = start("--listen", "127.0.0.1")
    wait_until(lambda: answered(page), "the page")
    relayed(3, 4_000_000)
    assert page.stop() == 0
    assert total() == Sum(3, 4_000_000)
    (day,) = json.loads(card_file(page.paths).read_bytes()).values()
    assert day == [10, 10_000_000]


def answered(page: Page) -> bool:
    return page.visitor().get("/status.json").status == 200
