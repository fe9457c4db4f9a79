"""Runs on the card, by its own Python, and tells what a process is there and what the kernel lets it do.

    probe.py attempts          each forbidden thing, tried: "ok", or the kernel's error
    probe.py look NUMBER...    what the kernel holds of some processes; those that have ended are left out
    probe.py send ADDRESS...   a datagram to each
    probe.py open DEVICE...    each opened for reading
    probe.py work NAME         what gevent, splice and fork must be able to do; NAME is looked up

It is sent to the card and answers in JSON; nothing of porchlight's but the pipe is used.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE
# linux/sched.h, linux/personality.h
CLONE_NEWUSER = 0x10000000
ADDR_NO_RANDOMIZE = 0x0040000
DNS = 53
NAMESPACES = ("mnt", "ipc", "uts", "user", "cgroup")


def attempt(act: Callable[[], object]) -> str:
    """Try something: "ok", or the name of the error."""
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def _checked(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def _make_runnable() -> None:
    """A page that was written to is to be run."""
    page = mmap.mmap(-1, PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    where = ctypes.addressof(ctypes.c_char.from_buffer(page))
    _checked(LIBC.mprotect(ctypes.c_void_p(where), ctypes.c_size_t(PAGE), mmap.PROT_READ | mmap.PROT_EXEC))


def _make_folder(place: str) -> None:
    folder = Path(place) / "tried"
    folder.mkdir()
    folder.rmdir()


def attempts() -> dict[str, str]:
    """Everything that a sandbox is to forbid, tried.

    None of it needs more rights than any user has; where it does, another error tells the two apart.
    """
    # The judge has no folder; what is left for a moment everybody has for themselves.
    own = Path(os.environ.get("RUNTIME_DIRECTORY", "/tmp").split(":")[0]) / "probe"
    own.touch()
    try:
        return {
            "memory to write and run": attempt(lambda: mmap.mmap(-1, PAGE, prot=7).close()),
            "written memory to run": attempt(_make_runnable),
            "raw frames": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()),
            "set-user-id": attempt(lambda: own.chmod(0o4700)),
            "owner": attempt(lambda: os.chown(own, os.getuid(), os.getgid())),
            "priority": attempt(lambda: os.setpriority(os.PRIO_PROCESS, 0, 19)),
            "processors": attempt(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
            "personality": attempt(lambda: _checked(LIBC.personality(ADDR_NO_RANDOMIZE))),
            "/run": attempt(lambda: _make_folder("/run")),
            "/run/lock": attempt(lambda: _make_folder("/run/lock")),
            "/dev/shm": attempt(lambda: _make_folder("/dev/shm")),
            "/var/lib/porchlight": attempt(lambda: _make_folder("/var/lib/porchlight")),
            "process 1": attempt(lambda: os.stat("/proc/1")),
            "the kernel's figures": attempt(lambda: os.stat("/proc/meminfo")),
            "the card": attempt(lambda: os.stat("/dev/mmcblk0")),
            # Last, since nothing would be as before.
            "namespace": attempt(lambda: _checked(LIBC.unshare(CLONE_NEWUSER))),
        }
    finally:
        own.unlink()


def look(process: str) -> dict[str, object]:
    """What the kernel holds of a process.

    Args:
        process: its number, or ``self``.
    """
    place = Path("/proc") / process
    lines = (place / "status").read_text().splitlines()
    mounts = {}
    for line in (place / "mountinfo").read_text().splitlines():
        # proc_pid_mountinfo(5): the fifth is where, the sixth how; what is mounted later lies on top.
        words = line.split()
        mounts[words[4]] = words[5].split(",")[0]
    return {
        "status": {name: value.strip() for name, _, value in (line.partition(":") for line in lines)},
        "mounts": mounts,
        "namespaces": {name: attempt_link(place / "ns" / name) for name in NAMESPACES},
        "devices": sorted(os.listdir(place / "root/dev")),
        "files": [attempt_link(one) for one in (place / "fd").iterdir()],
    }


def look_at(processes: list[str]) -> dict[str, object]:
    """The same of several, by their number, without those that have ended meanwhile."""
    found: dict[str, object] = {}
    for one in processes:
        try:
            found[one] = look(one)
        except OSError as error:
            # EINVAL: what a process that has ended, and that nobody has waited for yet, says of its mounts.
            if error.errno not in (errno.ENOENT, errno.ESRCH, errno.EINVAL):
                raise
    return found


def attempt_link(path: Path) -> str:
    """Where a symbolic link leads; empty when it is gone, or nobody may see it."""
    try:
        return str(path.readlink())
    except OSError:
        return ""


def send(address: str) -> str:
    """A datagram to a name server's port; nobody need be there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return attempt(lambda: sender.sendto(b"?", (address, DNS)))


def opened(device: str) -> str:
    """A device's file, opened and closed."""
    return attempt(lambda: os.close(os.open(device, os.O_RDONLY | os.O_NONBLOCK)))


def work(name: str) -> dict[str, object]:
    """What relay and page do all day: a loop, a lookup in a thread of gevent's, a splice, a worker.

    Args:
        name: to look up.
    """
    import gevent
    from gevent import get_hub
    from gevent import socket as patient

    from appliance.relay.pipe import open_pipe

    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        # As in a worker: the loop is made after the fork.
        found = sorted({one[4][0] for one in patient.getaddrinfo(name, 443, patient.AF_INET)})
        thread = get_hub().threadpool.apply(os.getpid) == os.getpid()
        gevent.sleep(0.01)
        said = {"backend": get_hub().loop.backend, "found": found, "thread": thread, "splice": open_pipe() is not None}
        os.write(tell, json.dumps(said).encode())
        os._exit(0)
    ended = os.waitpid(process, 0)[1]
    return {**json.loads(os.read(told, 4096)), "ended": ended}


def main() -> None:
    """Do what the command line says, and answer."""
    what, *words = sys.argv[1:]
    answers: dict[str, Callable[[], object]] = {
        "attempts": lambda: {"itself": look("self"), "attempts": attempts()},
        "look": lambda: look_at(words),
        "send": lambda: {one: send(one) for one in words},
        "open": lambda: {one: opened(one) for one in words},
        "work": lambda: work(words[0]),
    }
    print(json.dumps(answers[what]()))


if __name__ == "__main__":
    main()
