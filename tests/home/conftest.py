"""What the tests of a whole home share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.home.household import PUBLIC, Household, Kind
from tests.home.outside import Stun
from tests.relay.running import close_kept


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Callable[[Kind], Household]]:
    """Makes a home of some kind, with a STUN server outside."""
    with ExitStack() as stack:

        def make(kind: Kind = PUBLIC) -> Household:
            home = stack.enter_context(Household(tmp_path, kind))
            stack.callback(Stun(home).close)
            return home

        yield make
    close_kept()
