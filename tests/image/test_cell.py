"""Trees that are left over are removed, or what is in the way is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REMOVE = """
import sys
from pathlib import Path
from image import cell
from image.errors import BuildError
try:
    cell.remove(Path(sys.argv[1]), rootless=False)
except BuildError as error:
    sys.exit(str(error))
"""
# In a namespace of its own, so that nothing stays mounted.
IN_THE_WAY = """
set -e
place=$1; shift
mount -t tmpfs tmpfs "$place"
touch "$place/kept"
"$@" || status=$?
ls "$place"
exit $status
"""


def tree(folder: Path) -> Path:
    made = folder / "tree"
    (made / "proc").mkdir(parents=True)
    (made / "hosts").write_text("here")
    return made


def test_a_tree_is_removed(tmp_path: Path) -> None:
    left = tree(tmp_path)
    subprocess.run([sys.executable, "-c", REMOVE, str(left)], check=True)
    assert not left.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root, or a user namespace")
def test_what_is_mounted_in_it_is_named(tmp_path: Path) -> None:
    """No traceback, and what was mounted is not emptied."""
    left = tree(tmp_path)
    command = ["unshare", "--mount", "sh", "-c", IN_THE_WAY, "-", str(left / "proc")]
    done = subprocess.run([*command, sys.executable, "-c", REMOVE, str(left)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "kept\n"
    assert "An old tree cannot be removed" in done.stderr
    assert str(left / "proc") in done.stderr
    assert "unmount it or restart this machine" in done.stderr
