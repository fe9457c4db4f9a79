"""``porchlight update``: what the timer does each hour, or what the owner asks for."""

import argparse
import os
import pwd
from pathlib import Path

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of
from appliance.errors import UpdateError
from appliance.update.verdict import PATIENCE

# usr/lib/sysusers.d/porchlight.conf
USER = "porchlight-update"


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
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="with --trial: how long page and relay may take after the start (%(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Look, install, restart; or judge."""
    from appliance.update import bundle, trial
    from appliance.update.asking import Root
    from appliance.update.disk import booted, card
    from appliance.update.service import Updates, wish

    log_to_stderr()
    paths = paths_of(options)
    # Anywhere else than on a card this is the end.
    card()
    _give_rights_up()
    slot, on_trial = booted()
    updates = Updates(paths, slot or "A", on_trial, Root(paths))
    if options.trial:
        if on_trial:
            trial.run(updates, options.patience)
        return 0
    # Taken away in any case: systemd starts this again as long as the wish is there.
    asked = wish(paths.update_wish)
    source = options.source
    if source is None and asked is None and updates.trial:
        return 0
    last = updates.settle()
    try:
        if source or asked:
            file = Path(source or asked or "")
            try:
                updates.install(str(file.resolve()), bundle.version_of(file))
            finally:
                # What the page has taken is of no more use, whether it was any good or not.
                if file == paths.update_upload:
                    file.unlink(missing_ok=True)
        else:
            updates.look(now=options.now or asked is not None)
    except UpdateError as error:
        updates.rest(last, said=error.what)
        raise
    return 0


def _give_rights_up() -> None:
    """Be the updater's user, as its service is: whoever calls this by hand on a card is root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.initgroups(USER, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
