"""Who holds a port, asked of the real kernel."""

import socket
from pathlib import Path

from appliance.network.port_holder import holder_of, is_held, listening_inodes

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0 100 0 0 10 0
"""


def test_only_a_listener_on_that_very_port_counts() -> None:
    assert listening_inodes(TABLE.splitlines(), 8080) == {"4242"}
    assert listening_inodes(TABLE.splitlines(), 80) == {"4244"}
    assert listening_inodes(TABLE.splitlines(), 81) == set()


def test_a_damaged_table_names_nobody() -> None:
    assert listening_inodes(["", "garbage", "0: x y 0A"], 80) == set()


def test_our_own_listener_is_found_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_held(port)
        assert holder_of(port) == Path("/proc/self/comm").read_text().strip()
    assert not is_held(port)
    assert holder_of(port) is None
