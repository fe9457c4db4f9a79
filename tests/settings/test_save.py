"""Saving: only what the page may set, whole or not at all."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.files import write_atomically
from appliance.page.service import put_away_secrets
from appliance.paths import Paths
from appliance.settings import Settings, load
from appliance.settings.declared import is_section
from appliance.settings.render import toml_value
from appliance.settings.save import former, part, save
from appliance.update import record
from appliance.update.record import Outcome, Record


def test_what_is_saved_applies(paths: Paths) -> None:
    save(paths, {"share.domain": "Relay.Example.org."})
    save(paths, {"share.chat_port": 8443})
    found = load(paths)
    assert found.problems == ()
    assert (found.settings.share.domain, found.settings.share.chat_port) == ("relay.example.org", 8443)
    assert os.listdir(paths.saved_settings.parent) == ["saved.toml"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"share.domain": "two words"}, "share.domain must be a name"),
        ({"share.chat_port": "443"}, "share.chat_port must be a port number"),
        ({"relay.workers": 3}, "cannot be changed here"),
        ({"page.claim_code": "rote-tuer-7"}, "cannot be changed here"),
        ({"share.domain": "a.example", "share.chat_port": 0}, "share.chat_port must be a port number"),
    ],
)
def test_a_refused_value_saves_nothing_of_all(paths: Paths, changes: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        save(paths, changes)
    assert not paths.saved_settings.exists()


def test_a_setting_that_the_owner_fixed_is_refused(paths: Paths) -> None:
    paths.owner_file.write_text('[share]\ndomain = "card.example"\n')
    with pytest.raises(SettingsError, match=r"is set in porchlight\.toml"):
        save(paths, {"share.domain": "page.example"})


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"[share", b"\xff", b"share = 3", b'share = "x"', b"[[share]]"])
def test_saving_replaces_a_damaged_file(paths: Paths, damage: bytes) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    paths.saved_settings.write_bytes(damage)
    save(paths, {"share.domain": "relay.example.org"})
    assert load(paths).problems == ()
    assert load(paths).settings.share.domain == "relay.example.org"


def test_a_failure_in_the_middle_leaves_the_old_file_and_no_other(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(paths, {"share.domain": "old.example"})

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for call in ("fsync", "replace", "write"):
        with monkeypatch.context() as broken:
            broken.setattr(os, call, fail)
            with pytest.raises(OSError, match="Input/output"):
                save(paths, {"share.domain": "new.example"})
        assert load(paths).settings.share.domain == "old.example"
        assert os.listdir(paths.saved_settings.parent) == ["saved.toml"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / f".settings.{os.getpid()}.new").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        write_atomically(tmp_path / "settings", b"x")
    assert target.read_text() == "untouched"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; ./test as root runs this")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_card_keeps_the_old_settings(small_disk: Path) -> None:
    paths = Paths(small_disk / "porchlight.toml", small_disk, small_disk)
    save(paths, {"share.domain": "old.example"})
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 1024):
            pass
    with pytest.raises(OSError, match="No space"):
        save(paths, {"share.domain": "new.example"})
    assert tomllib.loads(paths.saved_settings.read_text())["share"]["domain"] == "old.example"
    filler.unlink()
    save(paths, {"share.domain": "new.example"})
    assert load(paths).settings.share.domain == "new.example"


ADDRESS = "https://example.org/?token=hunter2"


def test_a_secret_is_saved_where_its_own_service_alone_reads(paths: Paths) -> None:
    save(paths, {"share.domain": "relay.example.org", "name.update_url": ADDRESS})
    assert "hunter2" not in paths.saved_settings.read_text()
    assert paths.saved_secrets.stat().st_mode & 0o777 == 0o640
    found = load(paths)
    assert found.problems == ()
    assert (found.settings.share.domain, found.settings.name.update_url) == ("relay.example.org", ADDRESS)
    # Saving something else keeps it, and it can be taken back.
    save(paths, {"share.chat_port": 8443})
    assert load(paths).settings.name.update_url == ADDRESS
    assert former(paths)["name"] == {"update_url": ADDRESS}
    save(paths, {"name.update_url": ""})
    assert "hunter2" not in paths.saved_secrets.read_text()
    assert load(paths).settings.name.update_url == ""


def test_who_sees_that_the_settings_have_changed_sees_the_secret(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def note(path: Path, data: bytes, *, mode: int = 0o644) -> None:
        written.append(path)
        write_atomically(path, data, mode=mode)

    monkeypatch.setattr("appliance.settings.save.write_atomically", note)
    save(paths, {"share.domain": "relay.example.org"})
    assert written == [paths.saved_settings]
    save(paths, {"name.update_url": ADDRESS})
    assert written[1:] == [paths.saved_secrets, paths.saved_settings]


def test_who_may_not_read_it_has_no_problem_with_that(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    save(paths, {"share.domain": "relay.example.org", "name.update_url": ADDRESS})
    opened = Path.open

    def refuse(path: Path, *words: object, **options: object) -> object:
        if path == paths.saved_secrets:
            raise PermissionError(13, "Permission denied")
        return opened(path, *words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    found = load(paths)
    assert found.problems == ()
    assert (found.settings.share.domain, found.settings.name.update_url) == ("relay.example.org", "")


def test_the_owners_file_wins_over_a_saved_secret(paths: Paths) -> None:
    save(paths, {"name.update_url": ADDRESS})
    paths.owner_file.write_text('[name]\nupdate_url = "https://other.example/"\n')
    assert load(paths).settings.name.update_url == "https://other.example/"


def test_what_an_earlier_version_saved_for_everybody_is_put_away(paths: Paths) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    before = f'[name]\nprovider = "custom"\nupdate_url = "{ADDRESS}"\n'
    paths.saved_settings.write_text(before)
    part(paths)
    assert "hunter2" not in paths.saved_settings.read_text()
    assert (load(paths).settings.name.provider, load(paths).settings.name.update_url) == ("custom", ADDRESS)
    # Once: nothing is written where there is nothing to put away.
    stamp = paths.saved_settings.stat().st_ino
    part(paths)
    assert paths.saved_settings.stat().st_ino == stamp


def test_what_a_former_version_saved_after_a_failed_trial_is_the_newer_one(paths: Paths) -> None:
    """It knows one file only, so what stands in the other is what was there before."""
    save(paths, {"name.update_url": "https://older.example/"})
    paths.saved_settings.write_text(f'[name]\nupdate_url = "{ADDRESS}"\n')
    assert load(paths).settings.name.update_url == ADDRESS
    part(paths)
    assert "hunter2" not in paths.saved_settings.read_text()
    assert load(paths).settings.name.update_url == ADDRESS


def test_in_a_trial_a_secret_stays_where_the_former_version_looks_for_it(paths: Paths) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    paths.saved_settings.write_text(f'[name]\nupdate_url = "{ADDRESS}"\n')
    paths.update_record.parent.mkdir(parents=True)
    tried = Record("0.2.0", "B", "0.1.0")
    record.write(paths.update_record, tried)
    put_away_secrets(paths)
    assert "hunter2" in paths.saved_settings.read_text()
    record.write(paths.update_record, replace(tried, outcome=Outcome.GOOD))
    put_away_secrets(paths)
    assert "hunter2" not in paths.saved_settings.read_text()


def test_a_full_card_does_not_keep_the_page_from_starting(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    paths.saved_settings.write_text(f'[name]\nupdate_url = "{ADDRESS}"\n')

    def full(*_words: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("appliance.settings.save.write_atomically", full)
    put_away_secrets(paths)
    assert load(paths).settings.name.update_url == ADDRESS


def named(section: type = Settings, prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """Every setting: its dotted name, a line that sets it to its default, and whether the page has it."""
    for one in fields(section):
        if is_section(one):
            yield from named(one.metadata["section"], f"{prefix}{one.name}.")
        else:
            yield prefix + one.name, f"{prefix}{one.name} = {toml_value(one.default)}\n", one.metadata["on_page"]


@pytest.mark.parametrize(("name", "line", "on_page"), [*named()])
@pytest.mark.parametrize("secret", [False, True])
def test_what_the_page_cannot_set_does_not_count_in_its_files(
    paths: Paths, name: str, line: str, on_page: bool, secret: bool
) -> None:
    file = paths.saved_secrets if secret else paths.saved_settings
    file.parent.mkdir(parents=True)
    file.write_text(line)
    told = [str(one.what) for one in load(paths).problems]
    assert told == ([] if on_page else [f"What the setup page saved: there is no setting '{name}'."])
    paths.owner_file.write_text(line)
    file.unlink()
    assert load(paths).problems == ()


def test_whoever_has_taken_the_page_over_leads_the_relay_to_nothing_at_home(paths: Paths) -> None:
    """Nor the firewall, which root makes of the same settings."""
    paths.saved_settings.parent.mkdir(parents=True)
    before = load(paths).settings
    paths.saved_settings.write_text(
        '[relay]\nlisten = ["192.168.1.7"]\nmedia_ports = [22]\nweb_directory = "/etc"\n'
        '[relay.upstream]\nallow_private = true\nmedia = ["192.168.1.1:80"]\n[page]\nallow_gateway = true\n'
    )
    found = load(paths)
    assert found.settings == before
    assert len(found.problems) == 6
    paths.owner_file.write_text(paths.saved_settings.read_text())
    assert load(paths).settings.relay.upstream.allow_private
