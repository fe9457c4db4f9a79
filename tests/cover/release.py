"""Relay and nginx of the card's own release: how OpenSSL takes a damaged greeting differs from one to the next.

Both run in the tree that ``./test bench`` makes (``tests.bench.release``), in a mount namespace of their own, while the
prober is this machine. ``python -m tests.cover.release`` makes the tree, if there is none, and tells where it is.
"""

import os
import sys
from pathlib import Path

from tests.bench import release

# Set by ./test probes.
TREE = os.environ.get("PORCHLIGHT_TREE", "")
# Run by sh: $1 the tree, $2 the repository, $3 a folder that keeps its path inside; then the command.
ENTER = f"""
set -e
mount --make-rprivate /
tree=$1; source=$2; folder=$3; shift 3
mount -t tmpfs tmpfs "$tree/tmp"
mkdir -p "$tree$folder"
mount --bind "$folder" "$tree$folder"
mount --bind "$source" "$tree{release.SOURCE}"
mount --rbind /proc "$tree/proc"
mount --rbind /dev "$tree/dev"
exec chroot "$tree" sh -c 'cd {release.SOURCE} && exec "$@"' inside "$@"
"""


def inside(folder: Path, *command: str) -> list[str]:
    """The command that runs another one in the tree, as the same process.

    Args:
        folder: what both sides see, by the same path.
        command: of the card's release.
    """
    assert TREE, "no tree of the card's release: run ./test probes"
    enter = ["unshare", "--mount", "sh", "-c", ENTER, "enter", TREE, str(release.ROOT), str(folder)]
    # Nothing may be written into the repository.
    return [*enter, "env", "PYTHONDONTWRITEBYTECODE=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command]


def main() -> None:
    """Make the tree and print its path."""
    wanted = [*release.packages(), *release.MORE]
    try:
        tree = release.make(release.trees(), wanted, release.native(), rootless=os.geteuid() != 0)
    except RuntimeError as error:
        sys.exit(str(error))
    print(tree)


if __name__ == "__main__":
    main()
