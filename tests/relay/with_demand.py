"""``porchlight relay`` whose second worker joins before there are 1,000 people, and leaves sooner than in ten minutes.

The first two arguments are how many connections a worker has before another one joins, and for how many seconds it has
to be calm until one leaves.
"""

import sys

from appliance.cli.main import main
from appliance.relay import demand

if __name__ == "__main__":
    demand.MANY, demand.WHILE = int(sys.argv.pop(1)), float(sys.argv.pop(1))
    sys.exit(main(["relay", *sys.argv[1:]]))
