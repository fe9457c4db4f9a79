"""What somebody asked for with the button, done as root: ``python3 -m appliance.button``.

The lights' process reads the button and may do nothing else; it leaves one word in its folder, for which
porchlight-button.path waits. A word in that folder takes no more than a hand on the card: the folder is in memory, only
the lights' user writes into it, and that user talks to nobody.
"""

import argparse
import logging
import os
import subprocess
import sys

from appliance.cli.main import add_path_options, paths_of
from appliance.lights.button import Wish
from appliance.paths import Paths

log = logging.getLogger("porchlight.button")

# Bytes; the longest word has five.
LONGEST = 16
# What runs for each word.
MODULES = {Wish.CLAIM: ("appliance.claim", "--again"), Wish.RESET: ("appliance.reset",)}


def take(paths: Paths) -> Wish | None:
    """The word, which is gone afterwards; None when it is none that counts.

    Args:
        paths: where this instance keeps its files.

    Raises:
        OSError: the word cannot be taken away, and then it does not count: it would be found for ever.
    """
    path = paths.button_request
    try:
        # The folder belongs to a service: never through a link that it made, and never waiting for a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        word = b""
    else:
        try:
            word = os.read(descriptor, LONGEST)
        finally:
            os.close(descriptor)
    path.unlink(missing_ok=True)
    try:
        wish = Wish(word.decode("ascii"))
    except ValueError:
        return None
    return wish if wish in MODULES else None


def main() -> int:
    """Run by porchlight-button.service; returns the status of what was run, 0 when nothing was asked for."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python3 -m appliance.button", description=(__doc__ or "").splitlines()[0])
    add_path_options(parser)
    options = parser.parse_args()
    paths = paths_of(options)
    wish = take(paths)
    if wish is None:
        return 0
    log.warning("The button asks for: %s", wish.value)
    module, *arguments = MODULES[wish]
    places = ["--settings", str(options.settings), "--state", str(options.state), "--run", str(options.run_folder)]
    return subprocess.run([sys.executable, "-m", module, *arguments, *places], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
