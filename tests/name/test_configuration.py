"""What inadyn is told."""

import pytest

from appliance.errors import SettingsError
from appliance.name.account import Account
from appliance.name.configuration import quoted, render
from appliance.name.providers import BY_KEY

HOST = "relay.example.org"


def test_a_plugin() -> None:
    assert render(BY_KEY["noip.com"], HOST, Account("noip.com", "alice", "o'clock")) == (
        "period = 60\n"
        "provider default@no-ip.com {\n"
        "    username = 'alice'\n"
        "    password = 'o\\'clock'\n"
        "    hostname = 'relay.example.org'\n"
        "}\n"
    )


def test_an_address_of_one_s_own() -> None:
    account = Account("custom", "alice", "sesame")
    said = render(
        BY_KEY["custom"],
        HOST,
        account,
        update_url="https://ddns.example.org:8443/up?h=%h",
        check_ip="http://ip.example.org/",
    )
    assert "    ssl = true\n    ddns-server = 'ddns.example.org:8443'\n    ddns-path = '/up?h=%h'\n" in said
    assert "    checkip-server = 'ip.example.org'\n    checkip-path = '/'\n    checkip-ssl = false\n" in said


@pytest.mark.parametrize("update_url", ["", "https://ddns.example.org/?p=%p", "https://ddns.example.org/" + "a" * 300])
def test_what_does_not_go_together(update_url: str) -> None:
    with pytest.raises(SettingsError) as error:
        render(BY_KEY["custom"], HOST, Account("custom", "alice", "one & two"), update_url=update_url)
    assert "one & two" not in str(error.value)


def test_no_second_line() -> None:
    with pytest.raises(ValueError, match="control character"):
        quoted("a'\n}")
