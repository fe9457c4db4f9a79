"""Where peers come from: each address is taken apart once, as long as the home stays what it is."""

import errno
import ipaddress
from collections.abc import Iterable
from pathlib import Path

import pytest

from appliance.network.home import Home
from appliance.network.origin import Origin, origin
from appliance.relay.surroundings import AGAIN_AFTER, HOME_FOR, MOST_KEPT, Surroundings

HOME = Home(
    (ipaddress.ip_address("192.168.1.7"),),
    (ipaddress.ip_network("192.168.1.0/24"),),
    (ipaddress.ip_address("192.168.1.1"),),
)
NEIGHBOUR, STRANGER = "192.168.1.9", "80.200.0.9"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The home is as in ``HOME``; every address that is taken apart is noted here."""
    found: list[str] = []

    def noting(peer: str, home: Home, own: Iterable[str]) -> Origin:
        found.append(peer)
        return origin(peer, home, own)

    monkeypatch.setattr("appliance.network.home.look", lambda: HOME)
    monkeypatch.setattr("appliance.relay.surroundings.origin", noting)
    return found


def test_an_address_is_taken_apart_once_while_the_home_stays_the_same(tmp_path: Path, asked: list[str]) -> None:
    clock = Clock()
    around = Surroundings(tmp_path / "none", clock)
    for _ in range(3):
        assert around.origin(NEIGHBOUR) is Origin.INSIDE
        assert around.origin(STRANGER) is Origin.OUTSIDE
        assert around.origin("192.168.1.1") is Origin.ROUTER
    assert asked == [NEIGHBOUR, STRANGER, "192.168.1.1"]
    clock.now += HOME_FOR
    assert around.origin(STRANGER) is Origin.OUTSIDE
    assert asked[3:] == [STRANGER]


def test_the_homes_outer_address_counts_as_soon_as_the_router_tells_it(tmp_path: Path, asked: list[str]) -> None:
    clock, told = Clock(), tmp_path / "status.json"
    around = Surroundings(told, clock)
    assert around.origin(STRANGER) is Origin.OUTSIDE
    # What somebody asks for one time holds for that time.
    assert around.origin(STRANGER, (STRANGER,)) is Origin.INSIDE
    assert around.origin(STRANGER) is Origin.OUTSIDE
    told.write_text(f'{{"outer": "{STRANGER}", "seen": ""}}')
    clock.now += HOME_FOR
    assert around.origin(STRANGER) is Origin.INSIDE


def test_what_is_no_upstream_are_the_card_s_addresses_and_the_homes_outer_ones(
    tmp_path: Path, asked: list[str]
) -> None:
    told = tmp_path / "status.json"
    around = Surroundings(told, Clock())
    assert [str(one) for one in around.own()] == ["192.168.1.7"]
    told.write_text(f'{{"outer": "{STRANGER}", "seen": "80.200.0.8"}}')
    assert [str(one) for one in around.own()] == ["192.168.1.7", STRANGER, "80.200.0.8"]
    # A router service that starts anew, or is switched off: the home is where it was.
    for nothing in ('{"outer": "", "seen": ""}', "", "[]"):
        told.write_text(nothing)
        assert [str(one) for one in around.own()] == ["192.168.1.7", STRANGER, "80.200.0.8"]
    told.write_text(f'{{"outer": "nonsense", "seen": "{NEIGHBOUR}"}}')
    assert [str(one) for one in around.own()] == ["192.168.1.7", NEIGHBOUR]


def test_without_descriptors_nobody_says_what_is_no_upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what it was before: somebody asks again seconds later."""

    def fails() -> Home:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("appliance.network.home.look", lambda: HOME)
    around = Surroundings(tmp_path / "none", Clock())
    around.own()
    monkeypatch.setattr("appliance.network.home.look", fails)
    with pytest.raises(OSError, match="Too many open files"):
        around.own()


def test_without_descriptors_the_home_is_taken_for_what_it_was(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel is asked through a socket, and while none is to be had nobody's stream may fail for that."""

    def fails() -> Home:
        raise OSError(errno.EMFILE, "Too many open files")

    clock = Clock()
    monkeypatch.setattr("appliance.network.home.look", fails)
    around = Surroundings(tmp_path / "none", clock)
    # Nothing is known of the home: nobody's coming is evidence, and nobody is at home.
    assert around.origin(STRANGER) is Origin.INSIDE
    assert not around.home().is_inside(NEIGHBOUR)
    monkeypatch.setattr("appliance.network.home.look", lambda: HOME)
    clock.now += AGAIN_AFTER
    assert (around.origin(STRANGER), around.origin(NEIGHBOUR)) == (Origin.OUTSIDE, Origin.INSIDE)
    monkeypatch.setattr("appliance.network.home.look", fails)
    clock.now += HOME_FOR
    assert (around.origin(STRANGER), around.origin(NEIGHBOUR)) == (Origin.OUTSIDE, Origin.INSIDE)


def test_a_flood_of_addresses_is_not_kept(tmp_path: Path, asked: list[str]) -> None:
    around = Surroundings(tmp_path / "none", Clock())
    for number in range(3 * MOST_KEPT):
        around.origin(f"80.1.{number // 256}.{number % 256}")
        assert len(around._kept) <= MOST_KEPT
    # And of none of them the address itself.
    assert all(isinstance(one, int) for one in around._kept)
