"""A loopback of its own for each process that runs tests, so that none meets the ports of another."""

import ctypes
import os
import subprocess

# sched.h
CLONE_NEWNET = 0x40000000


def move_to_own_loopback() -> None:
    """Move this thread, and whatever it starts from now on, into a new network namespace with nothing but loopback.

    It ends with the last process in it.

    Raises:
        OSError: the kernel allows this user no network namespace.
        subprocess.CalledProcessError: loopback could not be switched on.
    """
    # os.unshare came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"a network namespace for the tests: {os.strerror(number)} (-n 0 does without)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
