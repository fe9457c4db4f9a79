"""The key takes the password's place in the settings file, and nothing else in it changes."""

import tomllib

import pytest

from appliance.settings.render import commented_file
from appliance.wifi.hide import hidden
from appliance.wifi.rules import key

KEY = key("home", "correct horse")
FILE = """\
# my porchlight
[page]
claim_code = "rote-tuer-7"

[wifi]   # upstairs
country = "DE"
ssid = "home"
password = "correct horse"  # from the router's back
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_only_the_password_changes(encoding: str, ending: str) -> None:
    text = FILE.replace("my porchlight", "für alle").replace("\n", ending)
    written = hidden(text.encode(encoding))
    assert written == text.replace('"correct horse"', f'"{KEY}"').encode(encoding)
    assert hidden(written) is None, "a key is not hidden once more"


@pytest.mark.parametrize(
    "line",
    [
        "password='correct horse'",
        '  password = "correct horse"',
        'password = "correct\\u0020horse" # "quoted"',
        'password = "correct horse"\t',
    ],
)
def test_however_it_is_written(line: str) -> None:
    written = hidden(f'[wifi]\nssid = "home"\n{line}\n'.encode())
    assert written is not None
    assert tomllib.loads(written.decode())["wifi"] == {"ssid": "home", "password": KEY}
    assert b"correct" not in written


def test_the_file_of_a_fresh_card_with_its_lines_switched_on() -> None:
    text = commented_file()
    for name, value in {"country": "DE", "ssid": "home", "password": "correct horse"}.items():
        assert text.count(f'\n# {name} = ""\n') == 1
        text = text.replace(f'\n# {name} = ""\n', f'\n{name} = "{value}"\n')
    assert hidden(text.encode()) == text.replace("correct horse", KEY).encode()


def test_dotted_names_and_other_passwords_before_it() -> None:
    text = 'wifi.ssid = "home"\nwifi.password = "correct horse"\n'
    assert hidden(text.encode()) == text.replace("correct horse", KEY).encode()
    text = '[other]\npassword = "correct horse"\n' + FILE
    written = hidden(text.encode())
    assert written is not None
    assert tomllib.loads(written.decode())["other"]["password"] == "correct horse"
    assert tomllib.loads(written.decode())["wifi"]["password"] == KEY


def test_a_mistake_elsewhere_does_not_matter() -> None:
    text = FILE.replace('claim_code = "rote-tuer-7"', 'claim_code = "rote-tuer-7')
    assert hidden(text.encode()) == text.replace("correct horse", KEY).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[wifi]\n",
        '[wifi]\nssid = "home"\n',
        '[wifi]\npassword = "correct horse"\n',
        '[wifi]\nssid = "home"\npassword = "short"\n',
        '[wifi]\nssid = "home"\n# password = "correct horse"\n',
        '[wifi]\nssid = "home"\npassword = """\ncorrect horse"""\n',
        'wifi = "home"\n',
    ],
)
def test_what_it_cannot_hide_it_leaves_alone(text: str) -> None:
    assert hidden(text.encode()) is None
