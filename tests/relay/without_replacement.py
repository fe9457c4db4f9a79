"""``porchlight relay`` that replaces a dead worker a minute after its start: who takes its people till then."""

import sys

from appliance.cli.main import main
from appliance.relay import generation

if __name__ == "__main__":
    generation.REPLACE_EVERY = 60.0
    sys.exit(main(["relay", *sys.argv[1:]]))
