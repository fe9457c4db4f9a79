"""What the kernel tells about the device, in a tree made for the test."""

from pathlib import Path

import pytest

from appliance.status.machine import Machine, look, mounted_writable

MOUNTS = """\
20 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/slot
30 20 179:4 / {state} ro,nosuid,nodev - ext4 /dev/mmcblk0p4 {options},errors=remount-ro
40 20 0:5 / /proc rw - proc proc rw
damaged line
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Pi whose files say that all is well."""
    root = tmp_path / "root"
    for path, text in {
        "sys/class/net/lo/carrier": "1",
        "sys/class/net/eth0/carrier": "1",
        "sys/class/net/eth0/device/uevent": "",
        "sys/class/net/wlan0/device/uevent": "",
        "sys/class/thermal/thermal_zone0/temp": "54321",
        "sys/class/hwmon/hwmon0/name": "cpu_thermal",
        "sys/class/hwmon/hwmon1/name": "rpi_volt",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0",
        "sys/fs/ext4/mmcblk0p4/errors_count": "0",
        "proc/self/mountinfo": MOUNTS.format(state=state_of(tmp_path), options="rw"),
    }.items():
        write(root, path, text)
    state_of(tmp_path).mkdir()
    return root


def state_of(folder: Path) -> Path:
    return folder / "state"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_of(tmp_path)


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text + "\n")


def test_a_pi_that_is_well(root: Path, state: Path) -> None:
    found = look(state, root)
    assert (found.link, found.celsius, found.low_voltage) == (True, 54.321, False)
    assert found.storage
    assert found.storage.writable
    assert found.storage.errors == 0
    assert found.storage.free > 0


def test_no_cable_and_no_wifi(root: Path, state: Path) -> None:
    write(root, "sys/class/net/eth0/carrier", "0")
    assert look(state, root).link is False
    # What has no hardware behind it does not count.
    write(root, "sys/class/net/tun0/carrier", "1")
    assert look(state, root).link is False
    write(root, "sys/class/net/wlan0/carrier", "1")
    assert look(state, root).link is True


def test_low_voltage_heat_and_damage_are_seen(root: Path, state: Path) -> None:
    write(root, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    write(root, "sys/class/thermal/thermal_zone0/temp", "81000")
    write(root, "sys/fs/ext4/mmcblk0p4/errors_count", "3")
    found = look(state, root)
    assert (found.low_voltage, found.celsius) == (True, 81.0)
    assert found.storage
    assert found.storage.errors == 3


def test_the_file_systems_own_options_count_and_not_the_mounts(root: Path, state: Path) -> None:
    """A service sees every mount read-only; a file system that the kernel gave up says so in its own options."""
    assert mounted_writable(state, root)
    write(root, "proc/self/mountinfo", MOUNTS.format(state=state, options="ro"))
    found = look(state, root).storage
    assert found
    assert not found.writable
    assert not mounted_writable(state, root)


def test_once_it_is_unmounted_nothing_of_it_can_be_written(root: Path, state: Path) -> None:
    lines = MOUNTS.format(state=state, options="rw").splitlines()
    write(root, "proc/self/mountinfo", "\n".join(line for line in lines if "ext4" not in line))
    assert not mounted_writable(state, root)


def test_a_computer_without_these_files_tells_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "nowhere", tmp_path) == Machine()


@pytest.mark.parametrize("nonsense", ["", "warm", "\x00", "9" * 4000])
def test_nonsense_in_the_kernels_files_raises_nothing(root: Path, state: Path, nonsense: str) -> None:
    for path in (
        "sys/class/thermal/thermal_zone0/temp",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm",
        "sys/fs/ext4/mmcblk0p4/errors_count",
        "sys/class/net/eth0/carrier",
        "proc/self/mountinfo",
    ):
        write(root, path, nonsense)
    found = look(state, root)
    assert (found.link, found.celsius, found.low_voltage) == (False, None, None)
    assert found.storage
    assert found.storage.errors is None
