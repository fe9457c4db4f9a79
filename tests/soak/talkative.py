"""``porchlight`` that logs all that anything in it has to say, at every level there is.

    python -m tests.soak.talkative relay --settings FILE ...

Only the lowest level that counts is changed; every logger, those of the libraries too, says all it ever would.
"""

import logging
import sys

from appliance.cli import journal


def _say_everything() -> None:
    logging.basicConfig(format="%(levelname)s: %(name)s: %(message)s", level=1)


if __name__ == "__main__":
    journal.log_to_stderr = _say_everything
    logging.captureWarnings(True)
    # The commands take that function by its name as they are imported.
    from appliance.cli.main import main

    _say_everything()
    sys.exit(main())
