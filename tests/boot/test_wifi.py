"""Wi-Fi on the card's own kernel, with its own supplicant and its own files: joined with the right password alone.

The boards' chip, and its driver's way with it, this cannot show; ``test_wifi_whole.py`` adds systemd.
"""

import re
from pathlib import Path

import pytest

from appliance.wifi.rules import key
from tests.boot import radios

pytestmark = [pytest.mark.boot, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def told(image: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the board wrote to its console."""
    return radios.run(image, "guest-wifi", tmp_path_factory.mktemp("wifi"), systemd=False)


def test_a_wrong_password_is_told_and_the_right_one_joins(told: str) -> None:
    assert re.findall(r"^GUEST state (\S*)$", told, re.MULTILINE) == ["refused", "joined"]
    assert "reason=WRONG_KEY" in told
    assert "WPA: Key negotiation completed with" in told


def test_the_settings_file_keeps_the_key_alone(told: str) -> None:
    assert "GUEST wanted True" in told
    assert f'GUEST password = "{key("home", "correct horse")}"' in told


def test_the_radio_keeps_its_countrys_rules_out_of_a_signed_list(told: str) -> None:
    assert re.search(r"CTRL-EVENT-REGDOM-CHANGE .*alpha2=DE", told)
    assert "regulatory.db is malformed or signature is missing" not in told
    assert "failed to load regulatory.db" not in told


def test_the_boards_driver_loads_on_this_kernel(told: str) -> None:
    assert "GUEST driver" in told
