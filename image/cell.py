"""Running a program inside a native Debian tree, in mount and process namespaces of its own.

Nothing is mounted on the host: the mounts live and die with the program's own namespace. As an ordinary user the
program also gets a user namespace with the subordinate ids of /etc/subuid, so that it may give files their owners.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from image.errors import BuildError, NoSpace

GRACE = 20.0  # seconds for a child to clean up after Ctrl-C before it is killed

# Run by sh inside the new namespaces: $1 the tree, then pairs of host path and path inside, `--`, then the command.
ENTER = """
set -e
mount --make-rprivate /
tree=$1; shift
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$tree$2"; else : >> "$tree$2"; fi
    mount --rbind "$1" "$tree$2"
    shift 2
done
shift
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
exec chroot "$tree" "$@"
"""


def namespaces(rootless: bool) -> list[str]:
    """The `unshare` command line that makes the namespaces; children die with it."""
    user = ["--user", "--map-root-user", "--map-auto"] if rootless else []
    return ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child"]


def apart(rootless: bool) -> list[str]:
    """What mmdebstrap is called through: what it mounts goes with it, however it ends.

    Otherwise, killed as root, it would leave mounts on the host, and nobody could remove its tree. As an ordinary user
    it has namespaces of its own anyway.
    """
    return [] if rootless else ["unshare", "--mount"]


def run(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> int:
    """Run a program with its output in `log`, its exit status back; Ctrl-C stops it in order, then by force."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            start_new_session=True,
        ) as child,
    ):
        try:
            assert child.stdout is not None  # noqa: S101  # it is a pipe, two lines above
            for line in child.stdout:
                output.write(line)
                output.flush()
                if on_line is not None:
                    on_line(line.decode(errors="replace").rstrip())
            return child.wait()
        except BaseException:
            stop(child)
            raise


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child and everything that it started: politely, then by force."""
    for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, 3.0), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def failure(what: str, log: Path, means: str = "The card was not built.") -> BuildError:
    """The error for a child that failed, with the last lines that it said."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    if any("No space left on device" in line for line in lines[-200:]):
        return NoSpace(str(log.parent), 0, 1_000_000_000)
    said = "".join(f"\n    | {line}" for line in lines[-15:])
    return BuildError(f"{what} failed. The last it said:{said}", means, f"Read the whole log in {log}.")


class Cell:
    """A native tree that commands can be run in."""

    def __init__(self, tree: Path, log: Path, rootless: bool) -> None:
        self.tree = tree
        self.log = log
        self.rootless = rootless

    def run(
        self,
        what: str,
        command: Sequence[str],
        binds: Mapping[Path, str],
        env: Mapping[str, str],
        *,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Run `command` in the tree with host paths bound to paths inside; raises `BuildError` when it fails."""
        pairs = [text for outside, inside in binds.items() for text in (str(outside.resolve()), inside)]
        status = run(
            [*namespaces(self.rootless), "sh", "-c", ENTER, "enter", str(self.tree), *pairs, "--", *command],
            log=self.log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp", **env},  # noqa: S108
            on_line=on_line,
        )
        if status:
            raise failure(what, self.log)


def remove(path: Path, rootless: bool) -> None:
    """Delete a tree whatever its owners: as an ordinary user, with the subordinate ids that made it.

    Raises:
        BuildError: something of it stays, such as what somebody has mounted there.
    """
    command = ["rm", "-rf", "--one-file-system", str(path)]
    done = subprocess.run([*namespaces(True), *command] if rootless else command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = "".join(f"\n    | {line}" for line in done.stderr.splitlines()[:5])
        raise BuildError(
            f"An old tree cannot be removed.{said}",
            "This ends here; what was finished before is kept.",
            "If something is mounted there (see /proc/mounts), unmount it or restart this machine. Then try again.",
        )
