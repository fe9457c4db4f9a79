"""``porchlight update``: what the timer does each hour, or what the owner asks for."""

import argparse
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of
from appliance.errors import UpdateError
from appliance.update.verdict import PATIENCE

if TYPE_CHECKING:
    from appliance.update.service import Updates

# usr/lib/sysusers.d/porchlight.conf
UPDATER, JUDGE = "porchlight-update", "porchlight-judge"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where from, and how soon."""
    add_path_options(parser)
    parser.add_argument(
        "source",
        nargs="?",
        metavar="FILE",
        help="install this bundle (.raucb) instead of asking for a new one; on a card: from /run/stick",
    )
    parser.add_argument("--now", action="store_true", help="do not wait for the quiet hour of the settings")
    parser.add_argument("--trial", action="store_true", help="judge whether the system that runs is good")
    parser.add_argument("--record", action="store_true", help="keep what the judge has found, or that it still looks")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="with --trial: how long page and relay may take after the start (%(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Look, install, restart; or judge; or keep what was judged."""
    from appliance.update import order, trial
    from appliance.update.asking import Root
    from appliance.update.disk import booted, card
    from appliance.update.service import Updates
    from appliance.update.verdict import verdict_of

    log_to_stderr()
    paths = paths_of(options)
    # Anywhere else than on a card this is the end.
    card()
    _become(JUDGE if options.trial else UPDATER)
    found, on_trial = booted()
    slot = found or "A"
    if options.trial:
        if on_trial:
            trial.run(paths, slot, options.patience)
        return 0
    updates = Updates(paths, slot, on_trial, Root(paths))
    if options.record:
        updates.note(verdict_of(order.left(paths.verdict), slot))
        return 0
    return update(updates, options.source, now=options.now)


def update(updates: "Updates", source: str | None = None, *, now: bool = False) -> int:
    """Do what the page's owner asks for, or what is asked for here, or what is due.

    Args:
        updates: of this card.
        source: a bundle.
        now: whether not to wait for the quiet hour.

    Raises:
        UpdateError: nothing could be installed; the running system stays.
    """
    from appliance.update import bundle, record
    from appliance.update.service import wish

    paths = updates.paths
    # Taken away in any case: systemd starts this again as long as the wish is there.
    asked = wish(paths.update_wish)
    if source is None and asked is None and updates.trial:
        return 0
    last = updates.settle()
    again = updates.restart_waits
    name = source or asked
    file = Path(name) if name else None
    try:
        if last and again:
            # What is asked for would take the place of what was never started.
            updates.restart(last)
        elif updates.trial:
            # Before anybody outside is asked, or a file is looked at.
            raise bundle.on_trial()
        elif file:
            updates.install(str(file.resolve()), bundle.version_of(file))
        else:
            updates.look(now=now or asked is not None)
    except UpdateError as error:
        updates.rest(record.read(paths.update_record), said=error.what, lasting=not updates.trial)
        raise
    finally:
        # What the page has taken is of no more use, whether it was any good or not.
        if file == paths.update_upload:
            file.unlink(missing_ok=True)
    return 0


def _become(name: str) -> None:
    """Be the user that the service is: whoever calls this by hand on a card is root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(name)
        os.initgroups(name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
