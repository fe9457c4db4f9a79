"""Once a minute, and at the first moment: what Python keeps of freed objects goes."""

import gc
from collections.abc import Iterator

import pytest

from appliance.memory import EVERY, Tidy


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_it_tidies_at_first_and_then_once_a_minute() -> None:
    now = 100.0
    tidy = Tidy(lambda: now)
    tidy.turn()
    assert gc.get_freeze_count() > 1000

    def collections() -> int:
        return int(gc.get_stats()[2]["collections"])

    before = collections()
    now = 100.0 + EVERY - 1
    tidy.turn()
    assert collections() == before
    now = 100.0 + EVERY
    tidy.turn()
    tidy.turn()
    assert collections() == before + 1
