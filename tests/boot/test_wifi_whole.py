"""Wi-Fi as the card's systemd runs it: its units with their sandbox."""

import re
from pathlib import Path

import pytest

from appliance.wifi.rules import key
from tests.boot import radios

pytestmark = [pytest.mark.boot, pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def told(image: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the board wrote to its console."""
    return radios.run(image, "guest-wifi-whole", tmp_path_factory.mktemp("wifi"), systemd=True)


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
