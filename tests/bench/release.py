"""``./test bench`` in the card's own release: a Debian tree with its Python, OpenSSL, HAProxy and nginx.

What is compared depends on these versions as much as on porchlight, and the card's are not the ones of the machine that
happens to measure. The tree is made once, by mmdebstrap, and kept in the cache under the hash of its package list. Its
architecture and its kernel are this machine's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from image import cache, cell, recipe

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Where the repository lies in the tree.
SOURCE = "/source"
# What the native tree has beside the card's own Python packages and the benchmark's: perf, for --profile.
MORE = ("linux-perf",)


def packages() -> list[str]:
    """Every package that a tree is made of."""
    wanted = [line for line in (HERE / "packages.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    return sorted({*wanted, *(one for one in recipe.USERLAND if one.startswith("python3"))})


def make(folder: Path, wanted: Sequence[str], architecture: str, *, rootless: bool) -> Path:
    """The tree, which is made if it is not there; others of its kind are removed.

    Args:
        folder: where trees are kept.
        wanted: its packages.
        architecture: Debian's name of it; packages of a foreign one are unpacked only, and never configured.
        rootless: whether this is an ordinary user.

    Raises:
        RuntimeError: mmdebstrap failed; it says why.
    """
    tree = folder / f"bench-{architecture}-{cache.key([recipe.SUITE, *wanted])}"
    if tree.exists():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    for former in folder.glob(f"bench-{architecture}-*"):
        cell.remove(former, rootless)
    sys.stderr.write(f"==> Making a tree of Debian {recipe.SUITE}, the card's release, {architecture} (once)\n")
    draft = folder / f"bench-{architecture}-unfinished"
    command = [
        *cell.apart(rootless),
        "mmdebstrap",
        "--quiet",
        f"--mode={'unshare' if rootless else 'root'}",
        # Scripts of packages would take minutes under emulation.
        f"--variant={'apt' if architecture == native() else 'extract'}",
        f"--architectures={architecture}",
        f"--components={recipe.COMPONENTS}",
        f"--keyring={recipe.KEYRING}",
        '--aptopt=Apt::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(wanted)}",
        recipe.SUITE,
        str(draft),
    ]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
        if draft.exists():
            cell.remove(draft, rootless)
        raise RuntimeError(
            "The tree could not be made; mmdebstrap says above why. "
            "With `./test bench --release host` this machine's own programs are measured instead."
        )
    subprocess.run([*(cell.namespaces(True) if rootless else []), "mkdir", "-p", f"{draft}{SOURCE}"], check=True)
    draft.rename(tree)
    return tree


def native() -> str:
    """Debian's name of this machine's architecture."""
    shown = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


def trees() -> Path:
    """The folder that keeps the trees."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "porchlight"


def command_in(tree: Path, arguments: Sequence[str], *, rootless: bool) -> list[str]:
    """The command that runs the benchmark in the tree."""
    binds = [str(ROOT), SOURCE, "/sys", "/sys"]
    inside = f'cd {SOURCE} && exec python3 -m tests.bench "$@"'
    enter = ["sh", "-c", cell.ENTER, "enter", str(tree), *binds, "--", "sh", "-c", inside, "bench", *arguments]
    return [*cell.namespaces(rootless), *enter]


def main() -> None:
    """Make the tree and go on in it."""
    rootless = os.geteuid() != 0
    if shutil.which("mmdebstrap") is None:
        sys.exit("mmdebstrap is not installed; `./test bench --release host` measures this machine's own programs.")
    try:
        tree = make(trees(), [*packages(), *MORE], native(), rootless=rootless)
    except RuntimeError as error:
        sys.exit(str(error))
    command = command_in(tree, sys.argv[1:], rootless=rootless)
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    os.execvpe(command[0], command, path)  # noqa: S606  # Ctrl-C is for what runs there


if __name__ == "__main__":
    main()
