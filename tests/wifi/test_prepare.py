"""At each boot: the password is hidden on the card, and the supplicant finds what it needs in RAM."""

import logging
from pathlib import Path

import pytest

from appliance.health.wifi import wifi
from appliance.paths import Paths
from appliance.settings import load
from appliance.status.facts import Facts
from appliance.status.wifi import SEARCH_TAKES, WifiState, read
from appliance.wifi import prepare as module
from appliance.wifi.prepare import prepare
from appliance.wifi.rules import key

WIFI = '# mine\n[wifi]\ncountry = "DE"\nssid = "home"\npassword = "correct horse"\n'


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "firmware/porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.owner_file.parent.mkdir()
    return found


def test_the_supplicant_gets_its_files_and_the_card_keeps_the_key_alone(paths: Paths) -> None:
    paths.owner_file.write_text(WIFI)
    assert prepare(paths)
    made = key("home", "correct horse")
    assert paths.owner_file.read_text() == WIFI.replace("correct horse", made)
    assert f"psk={made}\n" in paths.wifi_configuration.read_text()
    assert paths.wifi_configuration.stat().st_mode & 0o777 == 0o600
    assert paths.wifi_country.read_text() == "COUNTRY=DE\n"
    # Root reads it, and the other folder belongs to the service's user.
    assert paths.wifi_country.parent != paths.wifi_configuration.parent
    first = paths.owner_file.stat()
    assert prepare(paths), "the next boot finds the key"
    assert (paths.owner_file.stat().st_ino, paths.owner_file.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert f"psk={made}\n" in paths.wifi_configuration.read_text()


@pytest.mark.parametrize("text", ["", '[wifi]\nssid = "home"\n', '[wifi]\nssid = "home"\npassword = "correct horse"\n'])
def test_without_all_three_the_radio_stays_off(paths: Paths, text: str) -> None:
    paths.owner_file.write_text(text)
    assert not prepare(paths)
    assert not paths.wifi_configuration.exists()
    assert "correct horse" not in paths.owner_file.read_text()


def test_a_password_that_cannot_be_replaced_is_told_and_works(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    paths.owner_file.write_text('wifi = { country = "DE", ssid = "home", password = "correct horse" }\n')
    assert prepare(paths)
    assert "stays readable" in caplog.text
    assert "correct horse" not in caplog.text


def test_no_file_is_no_wish(paths: Paths) -> None:
    assert not prepare(paths)


def test_a_folder_in_the_way_is_told_and_stops_nothing_else(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    paths.owner_file.write_text(WIFI)
    paths.run.write_text("in the way")
    assert not prepare(paths)
    assert "Wi-Fi cannot be set up" in caplog.text
    assert "correct horse" not in paths.owner_file.read_text() + caplog.text


def test_a_card_that_takes_nothing_keeps_its_file_and_the_wifi_works(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        assert path == paths.owner_file
        raise OSError(28, "No space left on device")

    paths.owner_file.write_text(WIFI)
    monkeypatch.setattr(module, "replace", refuse)
    with caplog.at_level(logging.WARNING):
        assert prepare(paths)
    assert paths.owner_file.read_text() == WIFI
    assert "stays readable" in caplog.text
    assert "correct horse" not in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('country = "DE"\nssid = "home"\npassword = "short"', "must have 8 to 63 characters"),
        (f'country = "DE"\nssid = "{"x" * 33}"\npassword = "correct horse"', "is too long"),
        ('country = "UK"\nssid = "home"\npassword = "correct horse"', "two letters"),
        ('ssid = "home"\npassword = "correct horse"', "something is missing: country"),
        ('country = "DE"\nssid = "home"\npassword = correct horse', "cannot be understood"),
    ],
)
def test_mistakes_are_told_and_the_password_is_not(paths: Paths, text: str, told: str) -> None:
    paths.owner_file.write_text(f"[wifi]\n{text}\n")
    loaded = load(paths)
    said = [*map(str, loaded.problems), *map(str, wifi(Facts(1.0, None, True, settings=loaded.settings)))]
    assert any(told in one for one in said), said
    assert not any("correct horse" in one or '"short"' in one or "'short'" in one for one in said)


@pytest.mark.parametrize("state", WifiState)
def test_what_the_supplicant_is_at_is_read(paths: Paths, state: WifiState) -> None:
    paths.wifi_state.parent.mkdir(parents=True)
    paths.wifi_state.write_text(f"{state} 100.25\n")
    assert read(paths.wifi_state, 100.25 + SEARCH_TAKES) is state
    later = read(paths.wifi_state, 100.5 + SEARCH_TAKES)
    assert later is (WifiState.ABSENT if state is WifiState.SEARCHING else state)


@pytest.mark.parametrize("content", [b"", b"joined", b"joined now", b"upside-down 3", b"\xff" * 100])
def test_no_word_and_a_strange_one_are_none(paths: Paths, content: bytes) -> None:
    assert read(paths.wifi_state, 1.0) is None
    paths.wifi_state.parent.mkdir(parents=True)
    paths.wifi_state.write_bytes(content)
    assert read(paths.wifi_state, 1.0) is None
