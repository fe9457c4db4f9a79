"""Forgetting everything: the three ways there, what stays, and a power cut at every single moment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import reset
from appliance.claim import note_file, prepare, read_claim, spend
from appliance.page.owner import Ownership, ownership, session_key, write_record
from appliance.paths import Paths
from appliance.settings import load
from appliance.settings.save import save

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
# What the owner has saved, beside what the page's own modules write.
SECRETS = {
    "relay/certificate.pem": b"key of the relay",
    "relay/month.json": b"{}",
    "certificate/relay.pem": b"key of the public one",
    "certificate/accounts/directory/key.json": b"key of the account",
    "name/account.toml": b"password of the name",
    "page/history.json": b"{}",
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "firmware/porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.owner_file.parent.mkdir()
    found.owner_file.write_text("[relay]\nidle_timeout = 100\n")
    (found.run / "page").mkdir(parents=True)
    (tmp_path / "outside").write_text("not porchlight's")
    return found


def boot(paths: Paths) -> bool:
    """What happens at each boot, in the order of the units; whether the card starts again."""
    reset.finish(paths)
    word = reset.word_is_new(paths, load(paths).settings.page.factory_reset)
    if word:
        reset.mark(paths, word)
        return True
    prepare(paths)
    return False


def use(paths: Paths) -> None:
    """A card that somebody has claimed and set up."""
    boot(paths)
    write_record(paths, HASH)
    spend(paths)
    session_key(paths)
    save(paths, {"share.domain": "relay.example.org"})
    for name, content in SECRETS.items():
        file = paths.state / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (paths.state / "lost+found").mkdir()
    # What a repair of the file system has found may have been a key.
    (paths.state / "lost+found/#12").write_text("a key")
    # Whatever a service that speaks to the network could have put there.
    (paths.state / "relay/link").symlink_to(paths.state.parent / "outside")
    (paths.state / "relay/folder").symlink_to(paths.owner_file.parent)


def everything(paths: Paths) -> dict[str, bytes]:
    return {
        str(one.relative_to(paths.state)): one.read_bytes()
        for one in sorted(paths.state.rglob("*"))
        if one.is_file() and not one.is_symlink()
    }


def assert_forgotten(paths: Paths) -> None:
    left = everything(paths)
    assert set(left) == {"page/claim.json", "reset-word"}
    assert ownership(paths) is Ownership.UNCLAIMED
    known = read_claim(paths)
    assert known
    assert known.code in note_file(paths).read_text()
    assert load(paths).settings.share.domain == ""
    # The owner's file, and whatever lies elsewhere, stays.
    assert load(paths).settings.relay.idle_timeout == 100
    assert (paths.state.parent / "outside").read_text() == "not porchlight's"
    assert list((paths.state / "lost+found").iterdir()) == []
    # The services' own folders stay with their owners.
    assert (paths.state / "relay").is_dir()


def test_after_a_mark_and_a_boot_the_card_is_as_it_was_flashed(paths: Paths) -> None:
    use(paths)
    former = read_claim(paths)
    reset.mark(paths)
    assert not boot(paths)
    assert_forgotten(paths)
    assert read_claim(paths) != former
    # And the next boot has nothing to do.
    before = everything(paths)
    assert not reset.finish(paths)
    assert not boot(paths)
    assert everything(paths) == before


def test_a_word_in_the_file_works_once(paths: Paths) -> None:
    use(paths)
    paths.owner_file.write_text('[relay]\nidle_timeout = 100\n[page]\nfactory_reset = "Neuanfang"\n')
    assert boot(paths)
    assert ownership(paths) is Ownership.CLAIMED
    assert not boot(paths)
    assert_forgotten(paths)
    use_again(paths)
    # The same word resets nothing again, nor does no word, nor the same one after that.
    for line in ('factory_reset = "Neuanfang"', "", 'factory_reset = "Neuanfang"'):
        paths.owner_file.write_text(f"[page]\n{line}\n")
        assert not boot(paths)
        assert ownership(paths) is Ownership.CLAIMED
    paths.owner_file.write_text('[page]\nfactory_reset = "noch einmal"\n')
    assert boot(paths)


def use_again(paths: Paths) -> None:
    write_record(paths, HASH)
    spend(paths)


def test_the_first_boot_takes_note_of_a_word(paths: Paths) -> None:
    paths.owner_file.write_text('[page]\nfactory_reset = "from the start"\n')
    assert not boot(paths)
    use_again(paths)
    assert not boot(paths)
    # A note that was lost resets nothing either.
    reset.word_file(paths).unlink()
    assert not boot(paths)
    assert ownership(paths) is Ownership.CLAIMED


@pytest.mark.parametrize("broken", ['factory_reset = "unclosed', "factory_reset = 7", "\0"])
def test_a_damaged_file_resets_nothing(paths: Paths, broken: str) -> None:
    use(paths)
    paths.owner_file.write_text(f"[page]\n{broken}\n")
    assert not boot(paths)
    assert ownership(paths) is Ownership.CLAIMED


class PowerCut(BaseException):
    """The plug is pulled."""


def cut_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the power go before the step of that number is done; how many steps there were."""
    taken = 0

    def counted(honest: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **options: object) -> object:
            nonlocal taken
            if taken == steps:
                raise PowerCut
            taken += 1
            return honest(*arguments, **options)

        return step

    for name in ("unlink", "rmdir", "replace", "fsync", "open"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    return lambda: taken


@pytest.mark.costly
@pytest.mark.parametrize("way", ["page or button", "word"])
def test_a_power_cut_at_any_moment_leaves_the_old_card_or_is_finished_at_the_next_boot(
    paths: Paths, tmp_path: Path, way: str
) -> None:
    use(paths)
    if way == "word":
        paths.owner_file.write_text('[relay]\nidle_timeout = 100\n[page]\nfactory_reset = "Neuanfang"\n')
    kept = tmp_path / "kept"
    shutil.copytree(paths.state, kept, symlinks=True)
    old = everything(paths)
    steps = 0
    finished = False
    outcomes = set()
    while not finished:
        shutil.rmtree(paths.state)
        shutil.copytree(kept, paths.state, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            taken = cut_after(steps, patch)
            try:
                if way == "word":
                    boot(paths)
                else:
                    reset.mark(paths)
                boot(paths)
                finished = True
            except PowerCut:
                assert taken() == steps
        steps += 1
        marked = reset.mark_file(paths).exists()
        changed = {
            name: data for name, data in everything(paths).items() if not name.split("/")[-1].startswith(".")
        } != old
        if not marked and not changed:
            outcomes.add("old")
            if way != "word":
                continue
        # The power comes back, as often as the card starts again by itself.
        for _ in range(3):
            if not boot(paths):
                break
        assert_forgotten(paths)
        outcomes.add("forgotten")
    assert outcomes == {"old", "forgotten"}
    assert steps > 30


def test_what_cannot_be_removed_is_tried_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    use(paths)
    reset.mark(paths)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fail)
        with pytest.raises(OSError, match="Input/output error"):
            reset.finish(paths)
    assert reset.mark_file(paths).exists()
    # What could be removed is gone all the same.
    assert not (paths.state / "relay/certificate.pem").exists()
    boot(paths)
    assert_forgotten(paths)


def test_a_card_that_cannot_be_reset_does_not_start_again_for_ever(paths: Paths) -> None:
    use(paths)
    paths.owner_file.write_text('[page]\nfactory_reset = "Neuanfang"\n')
    assert boot(paths)
    # The next boot cannot finish it, and goes on with what there is.
    assert reset.word_is_new(paths, "Neuanfang") == ""
    assert run(paths, "appliance.claim").returncode == 0
    assert not boot(paths)
    assert reset.word_is_new(paths, "Neuanfang") == ""
    assert ownership(paths) is Ownership.UNCLAIMED


def run(paths: Paths, module: str, *options: str) -> subprocess.CompletedProcess[str]:
    places = ["--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)]
    command = [sys.executable, "-m", module, *places, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def without_systemd() -> None:
    """Never let a test start its machine again."""
    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine runs systemd, which the program would ask to start it again")


@pytest.mark.costly
def test_the_programs_that_the_units_run(paths: Paths, without_systemd: None) -> None:
    use(paths)
    assert run(paths, "appliance.reset", "--boot").returncode == 0
    # Nobody has asked.
    assert run(paths, "appliance.reset", "--asked").returncode == 0
    assert ownership(paths) is Ownership.CLAIMED
    assert not reset.mark_file(paths).exists()
    reset.ask(paths)
    done = run(paths, "appliance.reset", "--asked")
    assert done.returncode == 0, done.stderr
    assert not reset.request_file(paths).exists()
    assert reset.mark_file(paths).exists()
    assert ownership(paths) is Ownership.CLAIMED
    assert run(paths, "appliance.reset", "--boot").returncode == 0
    prepare(paths)
    assert_forgotten(paths)
    # The button needs nobody to ask.
    assert run(paths, "appliance.reset").returncode == 0
    assert reset.mark_file(paths).exists()


def test_the_claim_at_boot_notices_the_word(paths: Paths, without_systemd: None) -> None:
    use(paths)
    paths.owner_file.write_text('[page]\nfactory_reset = "Neuanfang"\n')
    done = run(paths, "appliance.claim")
    assert done.returncode == 0, done.stderr
    assert "factory_reset" in done.stderr
    assert reset.mark_file(paths).exists()
    assert ownership(paths) is Ownership.CLAIMED


def test_a_failing_card_is_told(paths: Paths, without_systemd: None) -> None:
    paths.state.write_text("no folder")
    done = run(paths, "appliance.reset")
    assert done.returncode == 1
    assert "could not be reset" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_systemd_runs_the_card_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >{asked}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(reset, "SYSTEMD", tmp_path)
    reset.start_again()
    assert asked.read_text() == "--no-block reboot\n"
    program.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    with pytest.raises(OSError, match="no"):
        reset.start_again()
