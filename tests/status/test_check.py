"""``porchlight check``: plain words, an exit status, and never a trace."""

import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.cli.check import findings, wanted_ports
from appliance.cli.main import main
from appliance.clock import since_boot
from appliance.page.owner import record_file
from appliance.paths import Paths
from appliance.settings import Settings
from appliance.status.gather import situation
from appliance.status.relay import PortStatus, QuotaStatus, RelayStatus, UpstreamStatus, publish

# Seconds by which the relay's word is ahead of its time, so that it is not old before a busy machine has read it.
AHEAD = 60.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.relay_status.parent.mkdir(parents=True)
    return found


def options(paths: Paths) -> list[str]:
    return ["check", "--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_all_well_is_zero(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    paths.owner_file.write_text(
        f"[relay]\nchat_tls_port = {port}\nchat_ports = []\nmedia_ports = []\n[page]\nport = {free_port()}\n"
    )
    status = main(options(paths))
    told = capsys.readouterr().out
    assert "Every line is understood." in told
    assert f"{port} is free." in told
    # A laboratory may have no way out; then that is the one thing that is said.
    assert status == (0 if situation(paths).home.connected else 1), told


def test_a_mistake_in_the_settings_is_one(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    paths.owner_file.write_text("[relay]\nworkers = true\n")
    assert main(options(paths)) == 1
    assert "relay.workers must be a whole number" in capsys.readouterr().out


def test_a_held_port_is_named_with_its_holder(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        paths.owner_file.write_text(f"[relay]\nchat_tls_port = {port}\n")
        assert main(options(paths)) == 1
    name = Path("/proc/self/comm").read_text().strip()
    assert f"Port {port} is held by {name}." in capsys.readouterr().out


def test_a_running_relay_is_asked_for_ports_and_upstreams(paths: Paths) -> None:
    paths.owner_file.touch()
    publish(
        paths.relay_status,
        RelayStatus(
            since_boot() + AHEAD,
            "1",
            "running",
            ports=(PortStatus(443, "chat-tls", "Port 443 is in use by nginx."), PortStatus(587, "media")),
            upstreams={
                "chat": UpstreamStatus(True),
                "media": UpstreamStatus(False, "Media is gone."),
                "http": UpstreamStatus(None),
            },
            quota=QuotaStatus(200 * 10**9, 50 * 10**9, "2026-11"),
        ),
    )
    found = list(findings(paths))
    problems = [finding.problem.what for finding in found if finding.problem]
    assert {"Port 443 is in use by nginx.", "WhatsApp's servers for pictures and calls do not answer."} <= set(problems)
    fine = [finding.fine for finding in found]
    assert "587 is open for media." in fine
    assert "WhatsApp's servers for chat: reachable." in fine
    assert "WhatsApp's servers for http: not tried yet." in fine
    assert "This month's data: 25 % of 200 GB used." in fine


def test_a_relay_that_fell_silent_is_a_problem(paths: Paths) -> None:
    publish(paths.relay_status, RelayStatus(since_boot() - 60, "1", "running"))
    assert "The relay is not running." in [finding.problem.what for finding in findings(paths) if finding.problem]


def test_what_the_page_lists_is_printed_in_the_same_words_and_a_notice_is_no_failure(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.owner_file.touch()
    now = RelayStatus(since_boot() + AHEAD, "1", "running", upstreams={"chat": UpstreamStatus(True)})
    publish(paths.relay_status, replace(now, quota=QuotaStatus(100, 95, "2026-11")))
    assert main(options(paths)) == 0
    told = capsys.readouterr().out
    (problem,) = situation(paths).problems
    assert f"\nWhat needs you\n  --  {problem.what}\n      {problem.means} {problem.todo}\n" in told
    assert "The lights show “relaying”: Green is on, without blinking." in told
    assert "All that was looked at is well." in told


def test_a_damaged_password_is_a_problem(paths: Paths) -> None:
    record_file(paths).parent.mkdir(parents=True)
    record_file(paths).write_text("{")
    assert "The password cannot be read." in [finding.problem.what for finding in findings(paths) if finding.problem]


def test_each_wanted_port_once() -> None:
    assert wanted_ports(Settings()) == (443, 5222, 80, 587, 7777)


@pytest.mark.parametrize("words", [["check", "--nonsense"], ["chekc"], ["check", "--settings", "/does/not/exist"]])
def test_a_mistake_in_the_command_is_said_in_words(words: list[str]) -> None:
    command = [sys.executable, "-m", "appliance", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.costly
@settings(max_examples=30)
@given(owner=st.binary(max_size=200), status=st.binary(max_size=50), record=st.binary(max_size=50))
def test_whatever_stands_in_the_files_it_never_raises(owner: bytes, status: bytes, record: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "porchlight.toml", Path(folder) / "state", Path(folder) / "run")
        for path, content in (
            (paths.owner_file, owner),
            (paths.relay_status, status),
            (paths.lights_status, status),
            (record_file(paths), record),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        list(findings(paths))
