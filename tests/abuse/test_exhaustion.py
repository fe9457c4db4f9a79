"""A page without descriptors: it goes on, says so at most once a second, and serves again."""

import resource
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.abuse.siege import arrive, timed, told
from tests.page.conftest import Page
from tests.relay.running import serving_again, wait_for

# Seconds of the siege.
LASTS = 3.0


@serving_again
@pytest.mark.slow
@pytest.mark.alone
def test_a_page_without_descriptors_serves_again(page: Page, within: float) -> None:
    assert page.visitor().get("/claim").status == 200
    process = page.process.pid
    there = max(int(one.name) for one in Path(f"/proc/{process}/fd").iterdir())
    _soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    # Less than what one neighbour may have open.
    resource.prlimit(process, resource.RLIMIT_NOFILE, (there + 8, hard))
    lines = page.log.read_text().count("\n")
    crowd: list[socket.socket] = []
    begun = time.monotonic()
    while time.monotonic() - begun < LASTS:
        with suppress(OSError):
            crowd.append(arrive(len(crowd), page.port, b"GET / HT"))
        time.sleep(0.005)
    took = time.monotonic() - begun
    said = page.log.read_text().splitlines()[lines:]
    for one in crowd:
        one.close()

    def served() -> bool:
        with suppress(OSError):
            return page.visitor().get("/claim").status == 200
        return False

    again = timed(lambda: wait_for(served, "it to serve again", limit=within))
    told("A page without descriptors", visitors=len(crowd), lines_of_log=len(said), served_again_within=again)
    assert page.process.poll() is None
    often = [line for line in said if "nothing left" in line]
    assert 2 <= len(often) <= took + 2, said[:20]
    # Whatever else cannot be done meanwhile is told once.
    once = [line for line in said if line not in often]
    assert len(once) == len(set(once)), said[:20]
