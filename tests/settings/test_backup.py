"""Backup and restore: what the file holds, what it never holds, and that it is brought back wholly or not at all."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SettingsError
from appliance.name import account
from appliance.name.providers import BY_KEY
from appliance.page.owner import session_key, write_record
from appliance.paths import Paths
from appliance.settings import backup, load
from appliance.settings.backup import LARGEST_FILE, finish, make, read, restore
from appliance.settings.save import save

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
PROVIDER = "duckdns.org"
TOKEN = "3f9c1c2e-secret-token"
VALUES = {
    "share.domain": "relay.example.org",
    "share.chat_port": 8443,
    "relay.enabled": False,
    "relay.monthly_quota": "200 GB",
    "name.provider": PROVIDER,
}


@pytest.fixture
def used(paths: Paths) -> Paths:
    """A card that somebody has set up."""
    save(paths, VALUES)
    account.save(paths, PROVIDER, "", TOKEN)
    paths.page_state.mkdir(parents=True)
    write_record(paths, HASH)
    session_key(paths)
    for name in ("relay/certificate.pem", "certificate/relay.pem", "page/claim.json"):
        file = paths.state / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"PRIVATE KEY, code")
    return paths


@pytest.fixture
def other(tmp_path: Path) -> Paths:
    """Another card, set up differently."""
    found = Paths(tmp_path / "other/porchlight.toml", tmp_path / "other/state", tmp_path / "other/run")
    found.page_state.mkdir(parents=True)
    save(found, {"share.media_port": 9000, "share.domain": "old.example.org"})
    return found


def files(paths: Paths) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in paths.state.rglob("*") if one.is_file()}


def test_what_was_saved_comes_back_on_another_card(used: Paths, other: Paths) -> None:
    found = read(other, make(used))
    before = files(other)
    assert found.account is None
    assert files(other) == before
    restore(other, found)
    assert load(other) == load(used)
    # What is not in the file is as on a fresh card.
    assert load(other).settings.share.media_port == 587
    assert account.load(other) is None
    assert not (other.page_state / "restore.toml").exists()


def test_the_account_is_in_it_only_when_somebody_asks(used: Paths, other: Paths) -> None:
    assert TOKEN.encode() not in make(used)
    data = make(used, with_account=True)
    assert TOKEN.encode() in data
    assert b"keep this file to yourself" in data
    restore(other, read(other, data))
    held = account.load(other)
    assert held
    assert (held.provider, held.secret) == (PROVIDER, TOKEN)
    assert other.name_account.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("with_account", [False, True])
def test_no_key_and_no_password_of_the_page_is_ever_in_it(used: Paths, with_account: bool) -> None:
    data = make(used, with_account=with_account)
    for secret in (b"argon2", b"PRIVATE KEY", b"code", session_key(used), HASH.encode()):
        assert secret not in data
    tree = tomllib.loads(data.decode())
    assert set(tree) <= {"porchlight", "form", "made_by", "settings", "account"}
    assert tree["form"] == 1


def test_what_only_the_owners_file_may_set_is_neither_saved_nor_taken(used: Paths, other: Paths) -> None:
    used.owner_file.write_text("[relay]\nworkers = 3\n")
    # As somebody could have written it by hand.
    used.saved_settings.write_text(
        '[relay]\nworkers = 5\nrate_limit = "wrong"\n[share]\nchat_port = 1234\n[nonsense]\n'
    )
    data = make(used)
    assert tomllib.loads(data.decode())["settings"] == {"share": {"chat_port": 1234}}
    with pytest.raises(SettingsError, match=r"does not know: relay\.workers"):
        read(other, b'porchlight = "backup"\nform = 1\n[settings.relay]\nworkers = 5\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be understood"),
        ("\0", "cannot be understood"),
        ("[relay]\nworkers = 1\n", "cannot be understood"),
        ('porchlight = "backup"\nform = 1\n', "cannot be understood"),
        ('porchlight = "backup"\nform = "1"\n[settings]\n', "cannot be understood"),
        ('porchlight = "backup"\nform = true\n[settings]\n', "cannot be understood"),
        ("x = " + "[" * 3000, "cannot be understood"),
        ("#" * (LARGEST_FILE + 1), "cannot be understood"),
        ('porchlight = "backup"\nform = 2\n[settings]\n', "newer porchlight"),
        ('porchlight = "backup"\nform = 1\n[settings.share]\nchat_port = 0\n', "share.chat_port must be a port"),
        ('porchlight = "backup"\nform = 1\n[settings.share]\nchat_port = 80\ndomain = "a b"\n', "share.domain must be"),
        ('porchlight = "backup"\nform = 1\n[settings]\nshare = 7\n', "does not know: share"),
        ('porchlight = "backup"\nform = 1\n[settings.share.chat_port]\nx = 1\n', r"does not know: share\.chat_port\.x"),
        ('porchlight = "backup"\nform = 1\n[settings.page]\nclaim_code = "mine-all-mine"\n', "does not know: page"),
        ('porchlight = "backup"\nform = 1\n[settings]\n[account]\nprovider = "x"\n', "account of the name"),
        ('porchlight = "backup"\nform = 1\naccount = 1\n[settings]\n', "account of the name"),
    ],
)
def test_a_file_that_is_not_right_changes_nothing(other: Paths, text: str, says: str) -> None:
    before = files(other)
    with pytest.raises(SettingsError, match=says) as caught:
        restore(other, read(other, text.encode()))
    assert caught.value.todo
    assert files(other) == before


@given(st.binary(max_size=300))
def test_any_file_is_refused_in_plain_words(data: bytes) -> None:
    with pytest.raises(SettingsError):
        read(Paths(Path("/nonexistent/a"), Path("/nonexistent/b"), Path("/nonexistent/c")), data)


def test_an_editor_of_any_computer_may_have_been_at_it(used: Paths, other: Paths) -> None:
    restore(other, read(other, b"\xef\xbb\xbf" + make(used).replace(b"\n", b"\r\n")))
    assert load(other).settings == load(used).settings


def test_what_porchlight_toml_fixes_stays_fixed(used: Paths, other: Paths) -> None:
    data = make(used)
    other.owner_file.write_text("[share]\nchat_port = 443\n")
    before = files(other)
    with pytest.raises(SettingsError, match=r"share\.chat_port is set in porchlight\.toml"):
        read(other, data)
    assert files(other) == before
    # The same value is no quarrel.
    other.owner_file.write_text("[share]\nchat_port = 8443\n")
    restore(other, read(other, data))
    assert load(other).settings.share.domain == "relay.example.org"


class PowerCut(BaseException):
    """The plug is pulled."""


def test_a_power_cut_at_any_moment_changes_all_or_nothing(used: Paths, other: Paths) -> None:
    data = make(used, with_account=True)
    account.save(other, BY_KEY["dynv6.com"].key, "", "former-token")
    former = load(other), account.load(other)
    kept = files(other)
    outcomes = []
    for steps in range(100):
        for name in files(other):
            os.unlink(name)
        for name, content in kept.items():
            Path(name).write_bytes(content)
        taken = 0

        def counted(honest: Callable[..., object], steps: int = steps) -> Callable[..., object]:
            def step(*arguments: object, **options: object) -> object:
                nonlocal taken
                if taken == steps:
                    raise PowerCut
                taken += 1
                return honest(*arguments, **options)

            return step

        found = read(other, data)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("unlink", "replace", "fsync", "open", "write"):
                patch.setattr(os, name, counted(getattr(os, name)))
            try:
                restore(other, found)
                whole = True
            except PowerCut:
                whole = False
        finish(other)
        held = account.load(other)
        if (load(other), held) == former:
            outcomes.append("old")
        else:
            assert load(other) == load(used)
            assert held
            assert held.secret == TOKEN
            outcomes.append("new")
        assert not (other.page_state / "restore.toml").exists()
        if whole:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert {"old", "new"} == set(outcomes)


def test_a_copy_that_the_card_has_damaged_changes_nothing(other: Paths) -> None:
    before = files(other)
    (other.page_state / "restore.toml").write_bytes(b"\xff")
    finish(other)
    finish(other)
    assert files(other) == before


def test_a_damaged_account_is_left_out(used: Paths) -> None:
    used.name_account.write_text("nonsense")
    assert b"[account]" not in make(used, with_account=True)
    assert backup.read(used, make(used, with_account=True)).account is None
