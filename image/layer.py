"""What is porchlight's own on top of the base: the program, the files of `image/files/`, users, enabled services."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from image import native
from image.masked import MASKED

# Run by the native Python, which has the `installer` package; the host does not. The command line of that package
# would follow the native Python's own scheme and write to /usr/local.
INSTALL = """
import json, sys
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
wheel, root, scheme = sys.argv[1:]
where = SchemeDictionaryDestination(json.loads(scheme), "/usr/bin/python3", "posix", destdir=root)
with WheelFile.open(wheel) as source:
    install(source, where, {"INSTALLER": b"porchlight"})
"""

# As in Debian's own lines; the program itself, which would only say so, is not on the card.
NO_SHELL = "/usr/sbin/nologin"

STAGED = ("appliance", "hardware", "image", "pyproject.toml", "README.md", "LICENSE")


def program(root: Path, source: Path, scratch: Path) -> None:
    """Build the wheel of this repository and install it under /usr, with the command `/usr/bin/porchlight`."""
    scratch.mkdir()
    for name in STAGED:
        if (source / name).is_dir():
            shutil.copytree(source / name, scratch / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif (source / name).exists():
            shutil.copyfile(source / name, scratch / name)
    readme = scratch / str(tomllib.loads((scratch / "pyproject.toml").read_text())["project"].get("readme", ""))
    if not readme.exists():
        readme.write_text("porchlight\n")
    subprocess.run(["python3", "-m", "hatchling", "build", "-t", "wheel", "-d", "wheel"], cwd=scratch, check=True)
    wheel = next((scratch / "wheel").glob("*.whl"))
    places = {"purelib": native.PACKAGES, "platlib": native.PACKAGES, "scripts": "usr/bin", "headers": "usr/include"}
    scheme = {kind: f"/{place}" for kind, place in {**places, "data": "usr"}.items()}
    command = ["python3", "-c", INSTALL, str(wheel), str(root), json.dumps(scheme)]
    subprocess.run(command, check=True)


def files(root: Path, source: Path) -> None:
    """Copy `image/files/` onto the tree: owner root, modes by kind. The FAT partition's part is left to `firmware`."""
    origin = source / "image/files"
    for path in sorted(origin.rglob("*")):
        relative = path.relative_to(origin)
        target = root / relative
        if relative.parts[:2] == ("boot", "firmware"):
            continue
        if path.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir(exist_ok=True)
            target.chmod(0o755)
        else:
            shutil.copyfile(path, target)
            target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def users(root: Path) -> None:
    """The users and groups of `sysusers.d`, with the numbers that they declare; nobody has a shell, root neither."""
    subprocess.run(["systemd-sysusers", f"--root={root}"], check=True)
    accounts = root / "etc/passwd"
    accounts.write_text(without_shells(accounts.read_text()))
    for name in ("passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock"):
        (root / "etc" / name).unlink(missing_ok=True)


def without_shells(passwd: str) -> str:
    """Debian's list of users with `NO_SHELL` for everybody (passwd(5), the last field).

    Nothing on the card asks for a user's shell: no login, cron or su runs, systemd and RAUC start programs by their
    path, and a script names its own shell.
    """
    return "".join(f"{line.rpartition(':')[0]}:{NO_SHELL}\n" for line in passwd.splitlines())


def services(root: Path) -> None:
    """Enable exactly what the preset enables, mask what makes no sense here."""
    subprocess.run(["systemctl", f"--root={root}", "preset-all"], check=True, stderr=subprocess.DEVNULL)
    folder = root / "etc/systemd/system"
    for unit in MASKED:
        (folder / unit).unlink(missing_ok=True)
        (folder / unit).symlink_to("/dev/null")
    # multi-user and not graphical: there is no screen to draw on.
    (folder / "default.target").unlink(missing_ok=True)
    (folder / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")


def identity(root: Path, epoch: int) -> None:
    """Nothing that two cards would share: an empty machine-id (made in memory at boot), no seed, no host key."""
    (root / "etc/machine-id").write_text("")
    for name in ("etc/.updated", "var/.updated", "usr/lib/clock-epoch"):
        (root / name).write_text("")
        os.utime(root / name, (epoch, epoch))
    for name in ("var/lib/porchlight", "boot/firmware"):
        (root / name).mkdir(parents=True, exist_ok=True)


def updates(root: Path, certificate: Path, place: str) -> None:
    """Whose updates the card takes, and where it looks for them.

    Args:
        root: the tree.
        certificate: PEM.
        place: the address of the folder of the release, with a slash at its end; empty: nowhere.
    """
    shutil.copyfile(certificate, root / "etc/rauc/keyring.pem")
    (root / "etc/rauc/keyring.pem").chmod(0o644)
    (root / "usr/lib/porchlight/update-feed").write_text(f"{place}update.json\n" if place else "")


def apply(root: Path, source: Path, scratch: Path, epoch: int) -> None:
    """All of it."""
    program(root, source, scratch)
    files(root, source)
    users(root)
    services(root)
    identity(root, epoch)
    native.compile_python(root, str(native.PACKAGES / "appliance"))
