"""``./test bench --release board``: the same comparison inside an emulated 64-bit Arm board, as instructions.

QEMU counts: with ``-icount`` the board's clock is the number of instructions that its only core has run, one a
nanosecond, whatever this machine does meanwhile. So the kernel's account of a relay's CPU time is the number of its
instructions, in the kernel and out of it, and the ratios hardly differ between two runs. What an instruction costs
(caches, memory, the pipeline) is not in it: it says less than a real board, and it can be had without one.

The kernel is the card's own, which ``./build`` keeps. The root is a tree of the card's release, unpacked into memory.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from image import cell, roots
from tests.bench import document, release, report
from tests.bench.guest import FIGURES, OVER
from tests.bench.relays import ONE, PEERS
from tests.bench.rows import TASKS

ROWS = ("small-100", "bulk", "tls-bulk", "tls-small", "tls-churn", "churn")
ROUNDS, SECONDS = 2, 0.5
ARCHITECTURE = "arm64"
# What a system needs that no script has set up, beside the benchmark's own packages.
MORE = ("base-files", "dash", "mount")
# What such scripts would have made: the name of the compiler, and the user that nginx becomes.
LINKS, USERS = {"usr/bin/cc": "gcc"}, "root:x:0:0:root:/root:/bin/sh\n"
# The root lies in memory twice for a moment, in MiB.
MEMORY = 4096
# What of this repository goes into it.
SOURCES = ("appliance", "image", "tests/__init__.py", "tests/bench")


def kernel_into(folder: Path) -> Path:
    """Take the card's kernel out of what ``./build`` keeps.

    Raises:
        RuntimeError: there is none yet.
    """
    kept = release.trees() / "image" / f"hardware-{roots.HARDWARE.key}" / "tree.tar"
    if not kept.exists():
        raise RuntimeError("The card's kernel is not there yet: run ./build once.")
    with tarfile.open(kept) as archive:
        name = next(one for one in archive if one.name.endswith("/vmlinuz") and one.isfile())
        stream = archive.extractfile(name)
        assert stream
        (folder / "kernel").write_bytes(stream.read())
    return folder / "kernel"


def root_into(folder: Path, tree: Path, *, rootless: bool) -> Path:
    """Pack the tree and this repository's part of it, as the kernel unpacks it."""
    packed = folder / "root.cpio"
    overlay = folder / "overlay"
    (overlay / "source").mkdir(parents=True)
    (overlay / "init").symlink_to("/source/tests/bench/init")
    for name, target in LINKS.items():
        (overlay / name).parent.mkdir(parents=True, exist_ok=True)
        (overlay / name).symlink_to(target)
    for name in ("etc/passwd", "etc/group"):
        (overlay / name).parent.mkdir(exist_ok=True)
        (overlay / name).write_text(USERS if name == "etc/passwd" else "root:x:0:\n")
    script = (
        'set -e; cd "$1"; find . -xdev ! -path "./var/cache/*" ! -path "./usr/share/doc/*" | cpio --quiet -o -H newc;'
        'cd "$2"; find . | cpio --quiet -o -H newc -R 0:0'
    )
    for one in SOURCES:
        subprocess.run(["cp", "-r", "--parents", one, str(overlay / "source")], check=True, cwd=release.ROOT)
    first = overlay / "source/tests/bench/init"
    first.write_text("#!/bin/sh\ncd /source && exec /usr/bin/python3 -m tests.bench.guest\n")
    first.chmod(0o755)
    with packed.open("wb") as output:
        # As the one who made the tree, who alone may read all of it.
        command = ["sh", "-c", script, "pack", str(tree), str(overlay)]
        subprocess.run([*(cell.namespaces(True) if rootless else []), *command], check=True, stdout=output)
    return packed


def boot(kernel: Path, root: Path, words: Sequence[str]) -> list[str]:
    """Run the board until it switches itself off; the lines that it said."""
    command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", str(MEMORY)]
    command += ["-icount", "shift=0,sleep=off", "-nographic", "-no-reboot", "-nic", "none", "-monitor", "none"]
    command += ["-serial", "stdio", "-kernel", str(kernel), "-initrd", str(root)]
    command += ["-append", " ".join(["console=ttyAMA0", "quiet", "panic=-1", *words])]
    said = []
    nothing, output = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, text=True, errors="replace", stdin=nothing, stdout=output) as qemu:
        assert qemu.stdout
        for line in qemu.stdout:
            said.append(line.rstrip())
            if not line.startswith(FIGURES):
                sys.stderr.write(line)
            if line.startswith(OVER):
                break
        qemu.terminate()
    return said


def main() -> int:
    """Measure, show, and write the page where that is asked for."""
    rootless = os.geteuid() != 0
    try:
        tree = release.make(release.trees(), [*release.packages(), *MORE], ARCHITECTURE, rootless=rootless)
        with tempfile.TemporaryDirectory(prefix="porchlight-board-") as name:
            folder = Path(name)
            words = [f"bench.rows={','.join(ROWS)}", f"bench.rounds={ROUNDS}", f"bench.seconds={SECONDS}"]
            said = boot(kernel_into(folder), root_into(folder, tree, rootless=rootless), words)
    except RuntimeError as error:
        sys.exit(str(error))
    figures = next((line for line in said if line.startswith(FIGURES)), "")
    if not figures:
        sys.exit("The board ended without figures; what it said stands above.")
    measured, _remarks, machine = json.loads(figures.removeprefix(FIGURES))
    found = report.lines([task for task in TASKS if task.name in ROWS], measured)
    cells = report.table(found, [*PEERS, ONE])
    sys.stdout.write(report.for_terminal(cells) + "\n")
    if "--write" in sys.argv:
        document.write_board(cells, machine, ROUNDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
