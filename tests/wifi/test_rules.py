"""Country, name and password: what may stand there, what a key is, and what the supplicant is told."""

import pytest

from appliance.settings.declared import WifiSettings
from appliance.wifi.rules import configuration, key, missing, read_country, read_name, read_password

HOME = WifiSettings("DE", "Café “home”", "correct horse")


@pytest.mark.parametrize(
    ("name", "password", "made"),
    [
        # IEEE 802.11i-2004, H.4.3.
        ("IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
        ("ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
        ("Z" * 32, "a" * 32, "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62"),
    ],
)
def test_the_key_is_the_standards(name: str, password: str, made: str) -> None:
    assert key(name, password) == made
    assert key("another name", made.upper()) == made


@pytest.mark.parametrize(("written", "country"), [("de", "DE"), (" AT ", "AT"), ("", "")])
def test_a_country(written: str, country: str) -> None:
    assert read_country(written) == country


@pytest.mark.parametrize(
    ("value", "told"), [("UK", "here GB"), ("Germany", "two letters"), ("XX", "two letters"), (49, "two letters")]
)
def test_no_country(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_country(value)


def test_a_name_is_kept_as_it_is_and_no_longer_than_a_network_can_have_it() -> None:
    assert read_name(" my home ") == " my home "
    assert read_name("é" * 16) == "é" * 16
    for wrong, told in (("é" * 17, "too long"), ("a\x1bb", "name of a"), (7, "quotation marks")):
        with pytest.raises(ValueError, match=told):
            read_name(wrong)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1234567", "8 to 63 characters, as every Wi-Fi password has, not 7"),
        ("x" * 64, "not 64"),
        ("contraseñas", "without accents"),
        ("tab\tinside", "plain letters"),
        (12345678, "quotation marks"),
    ],
)
def test_no_password(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        read_password(value)
    assert str(value) not in str(caught.value)


def test_what_is_missing_is_named() -> None:
    assert missing(WifiSettings()) == missing(WifiSettings(country="DE")) == missing(HOME) == ()
    assert missing(WifiSettings(ssid="home")) == ("country", "password")
    assert missing(WifiSettings(password="x" * 8)) == ("country", "ssid")


def test_the_password_is_not_in_what_the_supplicant_is_told() -> None:
    said = configuration(HOME)
    assert "correct horse" not in said
    assert f"    psk={key(HOME.ssid, HOME.password)}\n" in said
    assert f"    ssid={HOME.ssid.encode().hex()}\n" in said
    assert said.startswith("country=DE\n")
