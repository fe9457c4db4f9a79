"""The initramfs' part that shows settings without their secrets, run on a folder instead of a card.

With Debian's own shell, awk and programs, and with busybox, as on the card, where the machine has one.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.paths import Paths
from appliance.settings import Loaded, load, secrets
from image.stages import REPOSITORY

SOURCE = REPOSITORY / "image/initramfs"
INIT = (SOURCE / "init").read_text()
PIECE = INIT[INIT.index("# Services that talk with the outside") : INIT.index("# While a new system is on trial")]
BUSYBOX = shutil.which("busybox")
AWKS = (("awk",), *([(BUSYBOX, "awk")] if BUSYBOX else []))
# Only root gives files away.
STUBS = "chown() { :; }\n"
IN_C = {**os.environ, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Copies:
    """What is seen of a settings file.

    Args:
        all: by most services.
        name: by the one of the home's name.
    """

    all: bytes
    name: bytes


def hidden(folder: Path, text: bytes, awk: tuple[str, ...] = AWKS[-1]) -> Copies:
    """What the filter alone makes of a file."""
    (folder / "names").write_text(secrets.table())
    (folder / "whole").write_bytes(text)
    for one in ("all", "name", "places"):
        (folder / one).write_bytes(b"")
    into = [f"-v{name}={folder / one}" for name, one in (("public", "all"), ("name", "name"), ("places", "places"))]
    command = [*awk, *into, "-f", str(SOURCE / "hide.awk"), str(folder / "names"), str(folder / "whole")]
    done = subprocess.run(command, env=IN_C, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return Copies((folder / "all").read_bytes(), (folder / "name").read_bytes())


def read(folder: Path, raw: bytes) -> Loaded:
    """What a service makes of a settings file with this content."""
    paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
    paths.owner_file.write_bytes(raw)
    return load(paths)


def shown(card: Path, busybox: bool = False) -> Path:
    """Run that part of the initramfs.

    Args:
        card: a folder with ``firmware/``, the FAT partition.
        busybox: whether its programs are busybox'.

    Returns:
        The folder that stands for ``/run/porchlight``, with ``firmware`` and ``firmware-name``.
    """
    run = card / "run"
    (run / "porchlight").mkdir(parents=True)
    (card / "names").write_text(secrets.table())
    piece = PIECE.replace("/system/boot/firmware", str(card / "firmware"))
    for before, after in (("/run/", f"{run}/"), (" /names", f" {card}/names"), (" /hide.awk", f" {SOURCE}/hide.awk")):
        assert before in piece
        piece = piece.replace(before, after)
    piece = piece.replace(" /utf16.awk", f" {SOURCE}/utf16.awk")
    environment, shell = dict(IN_C), shutil.which("dash") or "sh"
    if busybox:
        assert BUSYBOX is not None
        (card / "bin").mkdir()
        subprocess.run([BUSYBOX, "--install", "-s", str(card / "bin")], check=True)
        environment["PATH"], shell = str(card / "bin"), str(card / "bin/sh")
    done = subprocess.run([shell, "-c", STUBS + piece], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("", "")
    assert {one.name for one in run.iterdir()} == {"porchlight"}, "something is left"
    return run / "porchlight"
