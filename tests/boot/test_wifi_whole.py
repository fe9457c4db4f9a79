"""Wi-Fi as the card's systemd runs it: its units with their sandbox, and its networkd with a cable beside it."""

import re
from pathlib import Path

import pytest

from appliance.wifi.rules import key
from tests.boot import radios

pytestmark = [pytest.mark.boot, pytest.mark.long, pytest.mark.timeout(1200)]

# A cable within one kernel.
MODULES = (*radios.MODULES, "drivers/net/veth")


@pytest.fixture(scope="module")
def told(image: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the board wrote to its console."""
    return radios.run(image, "guest-wifi-whole", tmp_path_factory.mktemp("wifi"), systemd=True, modules=MODULES)


def test_nothing_of_it_runs_before_somebody_asks(told: str) -> None:
    assert "GUEST before inactive 0\n" in told


def test_the_units_hide_the_password_and_join(told: str) -> None:
    assert f'GUEST password = "{key("home", "correct horse")}"' in told
    assert re.findall(r"^GUEST state (\S*)$", told, re.MULTILINE) == ["searching", "refused", "joined"]
    assert "GUEST country DE driver 1\n" in told
    assert "GUEST user porchlight-wifi\n" in told
    # The page reads how it goes, and not the key.
    assert "GUEST read searching\n" in told
    assert "GUEST key 0\n" in told


def test_an_address_comes_over_the_air_and_a_cable_is_preferred(told: str) -> None:
    """Joined; with a cable too; without it again, at once; and with it again: where what goes out goes."""
    for there in ("80.100.100.1", "2001:db8::1"):
        ways = re.findall(rf"^GUEST way {re.escape(there)} (\S*)$", told, re.MULTILINE)
        assert ways == ["wlan0", "eth0", "wlan0", "eth0"], there
    metrics = set(re.findall(r"^GUEST metric (.*)$", told, re.MULTILINE))
    assert metrics == {"eth0 4 1024", "eth0 6 1024", "wlan0 4 2048", "wlan0 6 2048"}
