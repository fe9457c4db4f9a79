"""Where the damaged files stand."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Linux has it everywhere; containers give it 64 MiB, of which a case needs a few.
RAM = Path("/dev/shm")
LEAST_FREE = 32 * 1024 * 1024


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in RAM, where there is room: on a disk each file that takes another's place waits to be written.

    That wait was half of what these tests took (ext4, "auto_da_alloc": https://docs.kernel.org/admin-guide/ext4.html).
    """
    roomy = os.access(RAM, os.W_OK) and os.statvfs(RAM).f_bavail * os.statvfs(RAM).f_frsize >= LEAST_FREE
    if not roomy:
        yield tmp_path_factory.mktemp("fuzz")
        return
    with tempfile.TemporaryDirectory(prefix="porchlight-fuzz-", dir=RAM) as folder:
        yield Path(folder)
