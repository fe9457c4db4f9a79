"""``porchlight relay`` whose dead workers are not replaced, so that one sees who takes their people meanwhile."""

import sys

from appliance.cli.main import main
from appliance.relay import generation

if __name__ == "__main__":
    generation.REPLACE_EVERY = float("inf")
    sys.exit(main(["relay", *sys.argv[1:]]))
