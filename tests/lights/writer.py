"""A small real process that publishes a relay's status once a second, to be killed: ``python writer.py FILE STATE``."""

import sys
import time
from pathlib import Path

from appliance.clock import since_boot
from appliance.status.relay import RelayStatus, UpstreamStatus, publish


def main() -> None:
    path, reachable, connections = Path(sys.argv[1]), sys.argv[2] == "reachable", int(sys.argv[3])
    while True:
        upstreams = {"chat": UpstreamStatus(reachable, "" if reachable else "no answer")}
        publish(path, RelayStatus(since_boot(), "0", "running", connections=connections, upstreams=upstreams))
        time.sleep(1)


main()
