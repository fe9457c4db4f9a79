"""What the device itself tells: cable, storage, temperature, power. The thin part that reads the kernel's files.

Each fact is None where the kernel does not tell it, as on a computer that is no Pi: no fact, no problem.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
# The driver that asks the Pi's firmware about its supply voltage: Documentation/hwmon/raspberrypi-hwmon.rst.
VOLTAGE_DRIVER = "rpi_volt"
NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the settings are kept: the card's data partition.

    Args:
        free: bytes that can still be written.
        writable: whether the kernel lets anything be written there.
        errors: damages that the kernel has found since the file system was last repaired; None when it does not say.
    """

    free: int
    writable: bool = True
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """The device at one moment.

    Args:
        link: whether any network socket or Wi-Fi has a link.
        storage: where the settings are kept.
        celsius: the processor's temperature.
        low_voltage: whether the supply voltage fell below what the board needs.
    """

    link: bool | None = None
    storage: Storage | None = None
    celsius: float | None = None
    low_voltage: bool | None = None


def look(state: Path, root: Path = ROOT) -> Machine:
    """Read everything once; about twenty small files.

    Args:
        state: where the settings are kept (``Paths.state``).
        root: where ``/sys`` and ``/proc`` stand, for tests.
    """
    return Machine(_link(root), _storage(state, root), _celsius(root), _low_voltage(root))


def mounted_writable(state: Path, root: Path = ROOT) -> bool:
    """Whether the file system of the settings, the only one that a running card writes to, could still be written."""
    mount = _mount_of(state, root)
    return mount is not None and mount[0] == str(state) and mount[2]


def _link(root: Path) -> bool | None:
    # Only what has hardware behind it: lo, bridges and tunnels have no "device".
    sockets = [one for one in (root / "sys/class/net").glob("*") if (one / "device").exists()]
    # The kernel refuses to read the carrier of an interface that is down.
    return any(_read(one / "carrier") == "1" for one in sockets) if sockets else None


def _storage(state: Path, root: Path) -> Storage | None:
    try:
        found = os.statvfs(state)
    except OSError:
        return None
    mount = _mount_of(state, root)
    if mount is None:
        return Storage(found.f_bavail * found.f_frsize)
    _point, source, writable = mount
    errors = _number(root / "sys/fs/ext4" / Path(source).name / "errors_count")
    return Storage(found.f_bavail * found.f_frsize, writable, errors)


def _mount_of(path: Path, root: Path) -> tuple[str, str, bool] | None:
    """The mount that holds a folder: its mount point, its device, and whether that can be written.

    A service sees everything mounted read-only (``ProtectSystem=strict``); what counts are the options of the file
    system itself, which stand last in a line (proc_pid_mountinfo(5)).
    """
    best: tuple[str, str, bool] | None = None
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _dash, after = line.partition(" - ")
        words, system = before.split(), after.split()
        if len(words) < 5 or len(system) < 3:
            continue
        point = words[4]
        inside = Path(path).is_relative_to(point)
        # Of two on the same place the later one lies on top.
        if inside and (best is None or len(point) >= len(best[0])):
            best = point, system[1], "rw" in system[2].split(",")
    return best


def _celsius(root: Path) -> float | None:
    told = _number(root / "sys/class/thermal/thermal_zone0/temp")
    return None if told is None else told / 1000


def _low_voltage(root: Path) -> bool | None:
    for one in sorted((root / "sys/class/hwmon").glob("*")):
        if _read(one / "name") == VOLTAGE_DRIVER:
            return {"0": False, "1": True}.get(_read(one / "in0_lcrit_alarm"))
    return None


def _number(path: Path) -> int | None:
    told = _read(path)
    return int(told) if NUMBER.fullmatch(told) else None


def _read(path: Path) -> str:
    """A small file's text, empty when it cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
