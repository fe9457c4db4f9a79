"""The small services as processes: they start, say how they are doing, and end when told to."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SERVICES = ("name", "certificate")


def _command(service: str, folder: Path) -> list[str]:
    places = [
        "--state",
        str(folder / "state"),
        "--run",
        str(folder / "run"),
        "--settings",
        str(folder / "settings.toml"),
    ]
    return [sys.executable, "-m", "appliance", service, *places]


@pytest.mark.parametrize("service", SERVICES)
def test_until_a_signal(service: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    process = subprocess.Popen(_command(service, tmp_path), stderr=subprocess.PIPE, text=True)
    status = tmp_path / "run" / service / "status.json"
    end = time.monotonic() + 60
    while not status.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert '"off"' in status.read_text()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_a_place_that_cannot_be_used(service: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    (tmp_path / "run").write_text("a file")
    done = subprocess.run(_command(service, tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
