"""Listens at /dev/log while inadyn runs: a program in a mount namespace, with a /dev of its own (``heard``)."""

import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.name.child import Child

DEVICES = ("null", "urandom")
SECRET = "sesame-1234"
CONFIGURATION = f"""\
custom porchlight {{
    username = 'alice'
    password = '{SECRET}'
    hostname = 'relay.example.org'
    ssl = false
    ddns-server = '127.0.0.1:1'
    ddns-path = '/'
    checkip-server = '127.0.0.1:1'
}}
"""
# Until one that hangs is ended; what is waited for takes less than one.
SECONDS = 120.0


def heard(way: str) -> tuple[int, int]:
    """How many lines inadyn wrote, and how many of its messages came to the system's log.

    Args:
        way: ``ours`` as the service starts it, ``plain`` as its manual says.
    """
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.name.listening", way]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines, messages = json.loads(done.stdout)
    return lines, messages


def _main(way: str) -> None:
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        folder = Path(name)
        devices = folder / "dev"
        devices.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(devices)], check=True)
        for device in DEVICES:
            (devices / device).touch()
            subprocess.run(["mount", "--bind", f"/dev/{device}", str(devices / device)], check=True)
        subprocess.run(["mount", "--rbind", str(devices), "/dev"], check=True)
        log.bind("/dev/log")
        (folder / "own").mkdir(mode=0o700)
        lines = _plain(folder) if way == "plain" else _ours(folder / "own")
        messages = 0
        while select.select([log], [], [], 0.5)[0]:
            log.recv(65536)
            messages += 1
        subprocess.run(["umount", "--lazy", "/dev"], check=True)
        subprocess.run(["umount", "--recursive", "--lazy", str(devices)], check=True)
    json.dump([lines, messages], sys.stdout)


def _ours(folder: Path) -> int:
    child = Child(folder, CONFIGURATION, afresh=True)
    lines, end = 0, time.monotonic() + SECONDS
    while lines < 4 and time.monotonic() < end:
        lines += len(child.lines())
        time.sleep(0.05)
    child.end()
    return lines


def _plain(folder: Path) -> int:
    file = folder / "plain.conf"
    file.write_text(CONFIGURATION)
    command = [
        "/usr/sbin/inadyn",
        "--once",
        "--foreground",
        "--no-pidfile",
        f"--config={file}",
        f"--cache-dir={folder}",
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    return len(done.stderr.splitlines())


if __name__ == "__main__":
    _main(sys.argv[1])
