"""The initramfs: busybox, the modules that reach the slot, and our own `init`. About 2 MB instead of 36."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

from appliance.settings import secrets
from image import drivers


def make(root: Path, busybox: Path, source: Path, scratch: Path, epoch: int) -> None:
    """Write `boot/initrd.img` of the slot in `root`; `source` is the folder with `init` and what it runs."""
    version = next((root / "usr/lib/modules").iterdir()).name
    (scratch / "bin").mkdir(parents=True)
    shutil.copyfile(busybox, scratch / "bin/busybox")
    (scratch / "bin/busybox").chmod(0o755)
    for name, mode in (("init", 0o755), ("hide.awk", 0o644), ("utf16.awk", 0o644)):
        shutil.copyfile(source / name, scratch / name)
        (scratch / name).chmod(mode)
    (scratch / "names").write_text(secrets.table())
    (scratch / "names").chmod(0o644)
    (scratch / "usr/lib/modules" / version).mkdir(parents=True)
    (scratch / "lib").symlink_to("usr/lib")
    drivers.install(root, scratch, version, drivers.INITRAMFS, unpack=True)
    for path in (scratch, *scratch.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    names = sorted(str(path.relative_to(scratch)) for path in scratch.rglob("*"))
    command = ["cpio", "--quiet", "--create", "--format=newc", "--reproducible", "--owner=0:0"]
    packed = subprocess.run(command, cwd=scratch, input="\n".join(names).encode(), stdout=subprocess.PIPE, check=True)
    (root / "boot/initrd.img").write_bytes(gzip.compress(packed.stdout, 9, mtime=0))
