"""The first process in the emulated board of ``./test bench --release board``, and all of its userland."""

import fcntl
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import traceback
from pathlib import Path

MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"))
# netdevice(7): an interface's flags, and "up".
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
# Connections of all relays; the kernel's default is less than HAProxy asks for.
DESCRIPTORS = 70_000
# The last words on the console.
FIGURES, OVER = "FIGURES ", "OVER"


def _loopback_up() -> None:
    with socket.socket() as asking:
        name = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(asking, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(asking, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main() -> None:
    """Prepare the system, measure, say what came out, and switch off."""
    for kind, where in MOUNTS:
        subprocess.run(["mount", "-t", kind, kind, where], check=True)
    console = os.open("/dev/console", os.O_RDWR)
    for standard in range(3):
        os.dup2(console, standard)
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8", HOME="/root")
    # The Pi 3 and 4 have no AES in their processor, which the emulated one has; OpenSSL may be told so (bit 0: NEON).
    os.environ.update(OPENSSL_armcap="1")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    _loopback_up()
    from tests.bench import document, relays
    from tests.bench.rows import TASKS
    from tests.bench.running import Run

    relays.PATIENCE = 300.0
    words = dict(word.partition("=")[::2] for word in Path("/proc/cmdline").read_text().split())
    tasks = [task for task in TASKS if task.name in words["bench.rows"].split(",")]

    def tell(said: str) -> None:
        print(said, flush=True)

    run = Run(tasks, [*relays.PEERS, relays.ONE], float(words["bench.seconds"]), 1.0, tell)
    run.take(int(words["bench.rounds"]))
    remarks = {name: sorted(some) for name, some in run.remarks.items()}
    print(FIGURES + json.dumps([run.figures, remarks, document.machine()]), flush=True)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    finally:
        sys.stdout.flush()
        print(OVER, flush=True)
        Path("/proc/sysrq-trigger").write_text("o")
        while True:
            os.wait()
