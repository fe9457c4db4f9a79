"""What every page of one application shares: no globals, so that two of them can live in one test."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from appliance.network.home import Home
from appliance.page.coarse import Standing
from appliance.page.failures import Failures
from appliance.paths import Paths
from appliance.status.gather import Watch


@dataclass(frozen=True, slots=True)
class Porch:
    """What the pages share.

    Args:
        paths: where this instance keeps its files.
        home: the home network as it is now.
        watch: the state, for those who ask often.
        port: where the page listens.
        failures: wrong codes and passwords of the last minute.
        standing: what ``/metrics`` says until the next quarter of an hour.
        clock: seconds that never go back.
    """

    paths: Paths
    home: Callable[[], Home]
    watch: Watch
    port: int
    failures: Failures = field(default_factory=Failures)
    standing: Standing = field(default_factory=Standing)
    clock: Callable[[], float] = time.monotonic


def porch() -> Porch:
    """What the application that serves this request shares."""
    return cast(Porch, current_app.extensions["porchlight"])
