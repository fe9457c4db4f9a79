"""What is porchlight's own on top of the base: the program, the files of `image/files/`, users, enabled services."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from image import native, recipe

STAGED = ("appliance", "hardware", "pyproject.toml", "README.md", "LICENSE")


def program(root: Path, source: Path, scratch: Path) -> None:
    """Build the wheel of this repository and install it under /usr, with the command `/usr/bin/porchlight`."""
    scratch.mkdir()
    for name in STAGED:
        if (source / name).is_dir():
            shutil.copytree(source / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (source / name).exists():
            shutil.copyfile(source / name, scratch / name)
    readme = scratch / str(tomllib.loads((scratch / "pyproject.toml").read_text())["project"].get("readme", ""))
    if not readme.exists():
        readme.write_text("porchlight\n")
    subprocess.run(["python3", "-m", "hatchling", "build", "-t", "wheel", "-d", "wheel"], cwd=scratch, check=True)
    wheel = next((scratch / "wheel").glob("*.whl"))
    command = ["python3", "-m", "installer", f"--destdir={root}", "--prefix=/usr", "--no-compile-bytecode", str(wheel)]
    subprocess.run(command, check=True)
    # The native installer writes where Python's own packages go; Debian's Python looks for those in dist-packages.
    for folder in (root / "usr/local/lib", root / "usr/lib"):
        for packages in sorted(folder.glob("python3*/site-packages")) + sorted(
            (root / "usr/local/lib").glob("python3*/dist-packages")
        ):
            for path in sorted(packages.iterdir()):
                path.rename(root / native.PACKAGES / path.name)
            packages.rmdir()
    script = root / "usr/bin/porchlight"
    script.write_text(script.read_text().replace(script.read_text().splitlines()[0], "#!/usr/bin/python3"))
    script.chmod(0o755)


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
    """The users and groups of `sysusers.d`, with the numbers that they declare."""
    subprocess.run(["systemd-sysusers", f"--root={root}"], check=True)
    for name in ("passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock"):
        (root / "etc" / name).unlink(missing_ok=True)


def services(root: Path) -> None:
    """Enable exactly what the preset enables, mask what makes no sense here."""
    subprocess.run(["systemctl", f"--root={root}", "preset-all"], check=True, stderr=subprocess.DEVNULL)
    folder = root / "etc/systemd/system"
    for unit in recipe.MASKED:
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


def apply(root: Path, source: Path, scratch: Path, epoch: int) -> None:
    """All of it."""
    program(root, source, scratch)
    files(root, source)
    users(root)
    services(root)
    identity(root, epoch)
    native.compile_python(root, str(native.PACKAGES / "appliance"))
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
    (root / "var/cache/ldconfig/aux-cache").unlink(missing_ok=True)
