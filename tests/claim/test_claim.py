"""The claim code from the first boot to the reset, on real files."""

import json
import os
import re
from pathlib import Path

import pytest

from appliance import claim, fat
from appliance.claim import claim_file, code_to_show, is_right, note_file, prepare, read_claim, spend
from appliance.page.owner import Ownership, ownership, record_file, write_record
from appliance.paths import Paths

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "firmware" / "porchlight.toml", tmp_path / "state", tmp_path / "run")


@pytest.fixture(autouse=True)
def firmware(paths: Paths) -> Path:
    paths.owner_file.parent.mkdir()
    return paths.owner_file.parent


def choose(paths: Paths, code: str) -> None:
    paths.owner_file.write_text(f'[page]\nclaim_code = "{code}"\n')


def claim_it(paths: Paths) -> None:
    write_record(paths, HASH)
    spend(paths)


def code_of(paths: Paths) -> str:
    known = read_claim(paths)
    assert known is not None
    return known.code


def test_a_fresh_card_makes_a_code_and_writes_it_beside_the_settings(paths: Paths) -> None:
    assert prepare(paths) is Ownership.UNCLAIMED
    code = code_of(paths)
    assert re.fullmatch(r"[2-9A-HJKMNP-TW-Z]{4}-[2-9A-HJKMNP-TW-Z]{4}", code)
    assert f"Claim code: {code}\r\n" in note_file(paths).read_bytes().decode()
    assert claim_file(paths).stat().st_mode & 0o777 == 0o600
    assert paths.page_state.stat().st_mode & 0o777 == 0o700
    assert code_to_show(paths) == code


def test_the_code_stays_the_same_over_reboots_until_it_is_used(paths: Paths) -> None:
    prepare(paths)
    code = code_of(paths)
    note_file(paths).unlink()
    prepare(paths)
    assert code_of(paths) == code
    assert code in note_file(paths).read_text()


def test_two_cards_never_share_a_code() -> None:
    assert len({claim.new_code() for _ in range(1000)}) == 1000


def test_case_dashes_and_spaces_do_not_matter_and_everything_else_does(paths: Paths) -> None:
    prepare(paths)
    code = code_of(paths)
    plain = code.replace("-", "")
    for typed in (code, code.lower(), plain, f"  {plain[:2]} {plain[2:]} ", code.replace("-", "\u2013")):
        assert is_right(paths, typed)
    for typed in ("", "-", plain[:-1], plain + "2", "2" * 8, "\ud800", "\0"):
        assert not is_right(paths, typed)


def test_the_owners_own_code_is_taken(paths: Paths) -> None:
    choose(paths, "blaue Tür 7")
    prepare(paths)
    assert is_right(paths, "BLAUETÜR7")


def test_a_code_that_is_too_short_is_replaced_by_a_made_one(paths: Paths) -> None:
    choose(paths, "--------")
    prepare(paths)
    assert len(code_of(paths)) == 9
    assert not is_right(paths, "--------")


def test_a_used_code_is_worthless_and_its_note_goes_away_at_the_next_boot(paths: Paths) -> None:
    prepare(paths)
    code = code_of(paths)
    claim_it(paths)
    assert not is_right(paths, code)
    assert prepare(paths) is Ownership.CLAIMED
    assert not note_file(paths).exists()
    assert code_to_show(paths) == ""


def test_the_owners_code_left_in_the_file_resets_nothing(paths: Paths) -> None:
    choose(paths, "blaue-tuer")
    prepare(paths)
    claim_it(paths)
    for _ in range(3):
        assert prepare(paths) is Ownership.CLAIMED
    assert not is_right(paths, "blaue-tuer")


def test_a_new_code_in_the_file_resets_the_password_once(paths: Paths) -> None:
    choose(paths, "blaue-tuer")
    prepare(paths)
    claim_it(paths)
    choose(paths, "rote-tuer")
    assert prepare(paths) is Ownership.UNCLAIMED
    assert not record_file(paths).exists()
    assert is_right(paths, "rote-tuer")
    assert not is_right(paths, "blaue-tuer")
    claim_it(paths)
    assert prepare(paths) is Ownership.CLAIMED


def test_a_power_cut_in_the_middle_of_a_reset_leaves_it_to_the_next_boot(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(paths)
    claim_it(paths)
    choose(paths, "rote-tuer")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(claim, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            prepare(paths)
    assert not is_right(paths, "")
    assert prepare(paths) is Ownership.UNCLAIMED
    assert is_right(paths, "rote-tuer")


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"hash": "", "generation": ""}', b"x" * 9999]
)
def test_a_damaged_password_opens_nothing_until_a_new_code_stands_on_the_card(paths: Paths, damage: bytes) -> None:
    prepare(paths)
    code = code_of(paths)
    claim_it(paths)
    record_file(paths).write_bytes(damage)
    assert prepare(paths) is Ownership.DAMAGED
    assert not is_right(paths, code)
    choose(paths, "rote-tuer")
    assert prepare(paths) is Ownership.UNCLAIMED
    assert is_right(paths, "rote-tuer")


def test_a_password_file_that_is_a_folder_is_damage_too(paths: Paths) -> None:
    record_file(paths).mkdir(parents=True)
    assert ownership(paths) is Ownership.DAMAGED


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"code": 1, "owners": 2}', b"\0"])
def test_a_damaged_claim_file_on_a_claimed_card_does_not_reset_it(paths: Paths, damage: bytes) -> None:
    choose(paths, "blaue-tuer")
    prepare(paths)
    claim_it(paths)
    claim_file(paths).write_bytes(damage)
    assert prepare(paths) is Ownership.CLAIMED


def test_a_lost_password_file_asks_for_a_new_code(paths: Paths) -> None:
    prepare(paths)
    old = code_of(paths)
    claim_it(paths)
    record_file(paths).unlink()
    assert not is_right(paths, old)
    assert prepare(paths) is Ownership.UNCLAIMED
    assert code_of(paths) != old


def test_a_card_that_cannot_be_written_to_still_has_a_code(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(fat, "_remount", refuse)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((0, 0, 0, 0, 0, 0, 0, 0, os.ST_RDONLY, 0)))
    assert prepare(paths) is Ownership.UNCLAIMED
    assert code_of(paths)
    assert "could not be brought up to date" in caplog.text


def test_no_log_line_holds_the_code(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        prepare(paths)
        assert caplog.text
        assert code_of(paths) not in caplog.text
        choose(paths, "rote-tuer")
        prepare(paths)
        assert "tuer" not in caplog.text


def test_the_command_says_when_the_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.toml").touch()
    (tmp_path / "state").write_text("a file where a folder should be")
    monkeypatch.setattr(
        "sys.argv", ["claim", "--settings", str(tmp_path / "x.toml"), "--state", str(tmp_path / "state")]
    )
    assert claim.main() == 1
    assert "could not be stored" in caplog.text


def test_the_claim_file_is_plain_json(paths: Paths) -> None:
    prepare(paths)
    assert set(json.loads(claim_file(paths).read_bytes())) == {"code", "owners"}


def test_claimed_again_by_the_button(paths: Paths) -> None:
    prepare(paths)
    former = code_of(paths)
    claim_it(paths)
    claim.again(paths)
    assert ownership(paths) is Ownership.UNCLAIMED
    code = code_of(paths)
    assert code
    assert code != former
    assert code in note_file(paths).read_text()
    assert not is_right(paths, former)
    assert prepare(paths) is Ownership.UNCLAIMED
    assert code_of(paths) == code, "the next boot changes nothing"


def test_claimed_again_with_the_owners_own_code(paths: Paths) -> None:
    choose(paths, "my own code")
    prepare(paths)
    claim_it(paths)
    claim.again(paths)
    assert is_right(paths, "my own code")
    claim_it(paths)
    assert prepare(paths) is Ownership.CLAIMED, "it does not count as a new code at the next boot"


def test_a_damaged_password_is_no_obstacle_to_the_button(paths: Paths) -> None:
    prepare(paths)
    record_file(paths).write_text("{")
    claim.again(paths)
    assert ownership(paths) is Ownership.UNCLAIMED
    assert code_of(paths)
