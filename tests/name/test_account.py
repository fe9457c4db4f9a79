"""User name and password at the provider."""

from pathlib import Path

import pytest

from appliance.errors import SavedStateError, SettingsError
from appliance.name.account import BANNER, forget, load, save
from appliance.paths import Paths

SECRET = "sesame-1234"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")


def test_saved_loaded_forgotten(paths: Paths) -> None:
    assert load(paths) is None
    first = save(paths, "noip.com", " alice ", f" {SECRET}\n")
    found = load(paths)
    assert found is not None
    assert (found.provider, found.user, found.secret, found.revision) == ("noip.com", "alice", SECRET, first)
    assert save(paths, "noip.com", "alice", SECRET) != first
    assert paths.name_account.stat().st_mode & 0o777 == 0o640
    forget(paths)
    assert load(paths) is None
    forget(paths)


def test_no_message_shows_the_secret(paths: Paths) -> None:
    save(paths, "noip.com", "alice", SECRET)
    found = load(paths)
    assert SECRET not in repr(found)
    assert "alice" not in repr(found)


@pytest.mark.parametrize(
    ("provider", "user", "secret", "what"),
    [
        ("noip.com", "", SECRET, "The user name is missing."),
        ("noip.com", "alice", " ", "The password (or token) is missing."),
        ("noip.com", "a" * 128, SECRET, "The user name or password is too long."),
        ("noip.com", "alice", "ü" * 128, "The user name or password is too long."),
        ("noip.com", "alice", "a\nhostname = b", "The user name or password holds a character that cannot be typed."),
        ("duckdns.org", "", "a&domains=other", "That is not a token: a token has only letters, digits and dashes."),
    ],
)
def test_refused(paths: Paths, provider: str, user: str, secret: str, what: str) -> None:
    with pytest.raises(SettingsError) as error:
        save(paths, provider, user, secret)
    assert error.value.what == what
    assert not secret.strip() or secret not in str(error.value)
    assert not paths.name_account.exists()


def test_no_user_name_where_none_is_wanted(paths: Paths) -> None:
    save(paths, "duckdns.org", "alice", SECRET)
    found = load(paths)
    assert found is not None
    assert found.user == ""


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe",
        b"provider = 7\nuser = ''\nsecret = 'sesame'\nrevision = ''",
        b"provider = 'nobody'\nuser = ''\nsecret = 'sesame'\nrevision = ''",
        b"secret = 'sesame",
        (BANNER + "provider = 'noip.com'\nuser = 'a'\nsecret = 'sesame\\n'\nrevision = 'x'\n").encode()[:-30],
    ],
)
def test_damaged(paths: Paths, damage: bytes) -> None:
    paths.name_account.parent.mkdir(parents=True)
    paths.name_account.write_bytes(damage)
    with pytest.raises(SavedStateError) as error:
        load(paths)
    assert "sesame" not in str(error.value)
