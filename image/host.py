"""Is this machine able to build a card? Every refusal says what to do about it."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from image import cache, recipe
from image.errors import BuildError, NoSpace

MINIMUM_PYTHON = (3, 11)
NEEDED_COLD = 6_000_000_000  # bytes: three trees, their packages and the work of one card, with some to spare
NEEDED_WARM = 2_500_000_000
NEEDED_OUTPUT = 300_000_000
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def check_platform() -> None:
    """Refuse machines on which the build was never seen to work."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise BuildError(
            f"This is {platform.system()} on {platform.machine()}; the card is built on Linux on x86-64.",
            "The emulated installation and the cross compiler are arranged for that.",
            "Run ./build in a virtual machine or container with Debian 12 or later, or Ubuntu 24.04 or later.",
        )
    if sys.version_info < MINIMUM_PYTHON:
        raise BuildError(
            f"This is Python {platform.python_version()}; 3.11 or later is needed.",
            "The host is older than the build knows how to use.",
            "Run ./build on Debian 12 or later, or Ubuntu 24.04 or later.",
        )


def check_emulation() -> None:
    """Programs for the Pi must run here, by binfmt_misc; as root it is switched on when it is off."""
    if not (BINFMT / "status").exists() and os.geteuid() == 0:
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=False)
    if not (BINFMT / "qemu-aarch64").exists() and os.geteuid() == 0 and shutil.which("update-binfmts"):
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], check=False)
    entry = BINFMT / "qemu-aarch64"
    text = entry.read_text() if entry.exists() else ""
    flags = next((line for line in text.splitlines() if line.startswith("flags:")), "")
    if not text.startswith("enabled") or "F" not in flags:
        raise BuildError(
            "Programs for the Pi's processor cannot be run on this machine yet.",
            "Debian's packages set themselves up when they are installed, and for that they must run.",
            "As root: apt-get install qemu-user-static binfmt-support && update-binfmts --enable qemu-aarch64",
        )


def rootless(mode: str) -> bool:
    """Whether to build with user namespaces: `mode` is auto, root or unshare."""
    root = os.geteuid() == 0
    if mode == "root" and not root:
        raise BuildError("--mode root, but this is not root.", "Nothing was done.", "Use sudo, or --mode unshare.")
    if mode == "root" or (mode == "auto" and root):
        return False
    probe = ["unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs"]
    result = subprocess.run([*probe, "t", "/mnt"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(
            f"An unprivileged build is not possible here: {result.stderr.strip() or 'unshare failed'}.",
            "This system does not let an ordinary user have a user namespace with subordinate ids"
            " (/etc/subuid, newuidmap), or forbids it by policy.",
            "Run ./build as root (sudo ./build), or have the administrator add a line for you to /etc/subuid and"
            " /etc/subgid, install uidmap, and allow unprivileged user namespaces.",
        )
    return True


def check_space(directory: Path, output: Path) -> None:
    """Refuse to start what cannot be finished."""
    warm = any(directory.glob("base-*.tar")) if directory.exists() else False
    for where, needed in ((directory, NEEDED_WARM if warm else NEEDED_COLD), (output, NEEDED_OUTPUT)):
        free = cache.free_bytes(where)
        if free < needed:
            raise NoSpace(str(where), free, needed)


def check_tools() -> None:
    """`./build` has installed these; this is for whoever runs `python3 -m image` without it."""
    missing = [
        tool
        for tool in ("mmdebstrap", "arch-test", "unshare", "chroot", "apt-get", "dpkg-deb")
        if not shutil.which(tool)
    ]
    if not recipe.KEYRING.exists():
        missing.append(str(recipe.KEYRING))
    if missing:
        raise BuildError(
            f"Missing on this machine: {', '.join(missing)}.",
            "The base system cannot be made without them.",
            "As root: apt-get install mmdebstrap arch-test qemu-user-static binfmt-support uidmap"
            " debian-archive-keyring",
        )
