"""``porchlight relay`` whose windows of use are short: five minutes are too long for a test.

The first argument is their length in seconds.
"""

import sys

from appliance.cli.main import main
from appliance.relay import use

if __name__ == "__main__":
    use.WINDOW = float(sys.argv.pop(1))
    sys.exit(main(["relay", *sys.argv[1:]]))
