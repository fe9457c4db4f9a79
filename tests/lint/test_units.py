"""The card's units: systemd can start all of them together, in an order without a circle.

A circle is no error at boot: systemd leaves one of the units out, and says so in a log that nobody reads.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "image/files/usr/lib/systemd/system"
SYSTEM = "/usr/lib/systemd/system"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """All of them, enabled as the card's preset does it."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for unit in sorted(tmp_path.glob("porchlight-*.*")):
        for line in unit.read_text().splitlines():
            if line.startswith("WantedBy="):
                wants = tmp_path / f"{line.removeprefix('WantedBy=')}.wants"
                wants.mkdir(exist_ok=True)
                (wants / unit.name).symlink_to(unit)
    return tmp_path


def complaints(units: Path) -> list[str]:
    """What systemd says of the order in which they start."""
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:{SYSTEM}", "LC_ALL": "C"}
    command = ["systemd-analyze", "verify", "--man=no", "multi-user.target"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if "cycle" in line]


def test_they_start_in_an_order_without_a_circle(units: Path) -> None:
    assert complaints(units) == []


def test_a_circle_is_found(units: Path) -> None:
    # A path unit starts before ordinary services do.
    (units / "porchlight-claim.service.d").mkdir()
    (units / "porchlight-claim.service.d/x.conf").write_text("[Unit]\nBefore=porchlight-console.path\n")
    assert complaints(units)
