"""Facts from real files to the verdict: what each service writes arrives, and what is old or damaged does not."""

from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.lights.service import LOOK_EVERY
from appliance.paths import Paths
from appliance.settings.problem import Problem, Severity
from appliance.status import gather, lights, page, update
from appliance.status.gather import Watch, situation
from appliance.status.page import PageStatus, publish
from appliance.status.relay import RelayStatus, UpstreamStatus, read
from appliance.status.relay import publish as publish_relay
from appliance.status.state import State
from appliance.text import Text, text

NONSENSE = [b"", b"{", b"[]", b"null", b"3", b'"x"', b"\xff", b"{}", b'{"written": "x"}', b'{"written": []}']
READERS = {
    "lights": lights.read,
    "page": page.read,
    "update": update.read,
}
WORDS = {
    "lights": '{"written": 95.0, "state": "relaying"}',
    "page": '{"written": 96.5, "ownership": "claimed"}',
    "update": '{"written": 95.0, "phase": "installing"}',
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    for service in ("relay", *READERS):
        (found.run / service).mkdir(parents=True)
    return found


@pytest.mark.parametrize("service", READERS)
def test_a_word_is_read_while_it_is_fresh_and_nonsense_never(tmp_path: Path, service: str) -> None:
    path, read_it = tmp_path / "status.json", READERS[service]
    assert read_it(path, 100.0) is None
    path.write_text(WORDS[service])
    found = read_it(path, 100.0)
    assert found is not None
    assert 95.0 <= found.written < 100.0
    assert read_it(path, 1_000_000.0) is None
    for nonsense in NONSENSE:
        path.write_bytes(nonsense)
        assert read_it(path, 100.0) is None


def test_an_update_that_waits_does_not_grow_old(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text('{"written": 5, "phase": "waiting", "version": "1.2"}')
    found = update.read(path, 1_000_000.0)
    assert found == update.UpdateStatus(5.0, "waiting", "1.2")
    assert not found.at_work


def test_what_the_page_says_of_the_owner_arrives(paths: Paths, tmp_path: Path) -> None:
    # Ahead of its time, so that it is not old before a busy machine has looked twice.
    relay = RelayStatus(since_boot() + 60, "1", "running", upstreams={"chat": UpstreamStatus(True)})
    publish_relay(paths.relay_status, relay)
    publish(paths.page_status, PageStatus(since_boot(), "unclaimed"))
    assert situation(paths, tmp_path).state is State.WAITING_TO_BE_CLAIMED
    publish(paths.page_status, PageStatus(since_boot(), "claimed"))
    assert situation(paths, tmp_path).state is State.RELAYING


def test_a_system_that_shuts_down_is_safe_once_the_card_is_unmounted(paths: Paths, tmp_path: Path) -> None:
    mounts = tmp_path / "proc" / "self" / "mountinfo"
    mounts.parent.mkdir(parents=True)
    mounts.write_text(f"30 20 179:4 / {paths.state} rw - ext4 /dev/mmcblk0p4 rw\n")
    paths.halting_note.touch()
    assert situation(paths, tmp_path).state is State.STOPPED
    mounts.write_text("20 1 0:20 / / rw - overlay overlay rw\n")
    assert situation(paths, tmp_path).state is State.SAFE_TO_UNPLUG


def test_a_dip_of_the_voltage_counts_for_ten_minutes(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(gather, "since_boot", lambda: now)
    alarm = tmp_path / "sys/class/hwmon/hwmon0/in0_lcrit_alarm"
    alarm.parent.mkdir(parents=True)
    (alarm.parent / "name").write_text("rpi_volt\n")
    alarm.write_text("1\n")
    watch = Watch(paths, tmp_path)
    seen = []
    for now in (1000.0, 1010.0, 1599.0, 1605.0):  # noqa: B007  # the clock above reads it
        seen.append("low-voltage" in [one.id for one in watch.situation().problems])
        alarm.write_text("0\n")
    assert seen == [True, True, True, False]


def test_a_look_is_cheap_between_the_slow_ones_and_can_be_asked_for(paths: Paths, tmp_path: Path) -> None:
    watch = Watch(paths, tmp_path)
    assert watch.situation().problems == watch.situation().problems
    paths.owner_file.write_text("[relay]\nworkers = true\n")
    assert "settings" not in [one.id for one in watch.situation().problems]
    assert "settings" in [one.id for one in watch.situation(anew=True).problems]


def test_what_the_relay_says_stays_translatable(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    what = text("The folder %(folder)s is too large.", folder="web")
    problem = Problem(what, text("It is not shown."), text("Make it less."), severity=Severity.NOTICE)
    publish_relay(path, RelayStatus(1.0, "1", "running", problems=(problem,)))
    found = read(path)
    assert found
    assert found.problems == (problem,)
    assert isinstance(found.problems[0].what, Text)
    assert found.problems[0].what.values == {"folder": "web"}
    assert found.problems[0].severity is Severity.NOTICE


def test_who_has_spoken_and_falls_silent_is_missed(paths: Paths) -> None:
    """One that never ran is not; nor is one that was told to stop, since systemd takes its folder away then."""
    assert situation(paths).facts.silent == ()
    publish(paths.page_status, PageStatus(since_boot(), "claimed"))
    assert situation(paths).facts.silent == ()
    publish(paths.page_status, PageStatus(since_boot() - page.STALE_AFTER - 0.1, "claimed"))
    found = situation(paths)
    assert found.facts.silent == ("page",)
    assert "part-silent" in [one.id for one in found.problems]


@pytest.mark.parametrize("service", ["router", "name", "certificate"])
def test_so_is_each_of_the_others(paths: Paths, service: str) -> None:
    (paths.run / service).mkdir(exist_ok=True)
    (paths.run / service / "status.json").write_text('{"written": 0.0}')
    assert situation(paths).facts.silent == (service,)


def test_the_page_is_missed_within_five_seconds() -> None:
    assert page.STALE_AFTER + LOOK_EVERY <= 5
