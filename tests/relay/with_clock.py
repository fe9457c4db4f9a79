"""``porchlight relay`` whose date stands in a file: a Pi's clock jumps, and a month is too long for a test.

The first argument is that file: seconds since 1970, or nothing for a clock that nobody has set.
"""

import argparse
import sys
from pathlib import Path

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of
from appliance.relay.service import Service


def main() -> None:
    file = Path(sys.argv.pop(1))
    parser = argparse.ArgumentParser()
    add_path_options(parser)
    log_to_stderr()

    def wall() -> float | None:
        text = file.read_text()
        return float(text) if text else None

    Service(paths_of(parser.parse_args()), wall).run()


if __name__ == "__main__":
    main()
