"""What root does about Wi-Fi at each boot: hide the password, and leave the supplicant's configuration in RAM."""

import logging
import os
import pwd

from appliance.fat import replace, tidy
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.settings import load
from appliance.settings.declared import WifiSettings
from appliance.settings.load import LARGEST_FILE
from appliance.wifi.hide import hidden
from appliance.wifi.rules import KEY, configuration, missing

log = logging.getLogger("porchlight.wifi")

# usr/lib/sysusers.d/porchlight.conf
USER = "porchlight-wifi"


def prepare(paths: Paths) -> bool:
    """Hide the password in the settings file, and write down what ``porchlight-wifi`` needs, if Wi-Fi is wanted.

    Args:
        paths: where this instance keeps its files.

    Returns:
        Whether Wi-Fi is wanted, nothing is missing for it, and it can be tried. What cannot be written is told in the
        log; the rest of the card does not depend on it.
    """
    # Before it is hidden: both give the same key.
    wanted = load(paths).settings.wifi
    hide(paths)
    if not wanted.ssid or missing(wanted):
        return False
    try:
        _leave(paths, wanted)
    except OSError as error:
        log.error("Wi-Fi cannot be set up (%s)", error)
        return False
    return True


def _leave(paths: Paths, wanted: WifiSettings) -> None:
    folder = paths.wifi_configuration.parent
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(paths.wifi_configuration, configuration(wanted).encode(), mode=0o600, durable=False)
    write_atomically(paths.wifi_country, f"COUNTRY={wanted.country}\n".encode(), durable=False)
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            # Not on the card: a contributor's computer has no such user.
            return
        for path in (folder, paths.wifi_configuration):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def hide(paths: Paths) -> None:
    """Put the key in the password's place; after a power cut the file is the old one or the new one.

    The key opens this one network and tells nothing of the password. The password's old place on the card is given
    free, not overwritten: a card cannot be.
    """
    try:
        tidy(paths.owner_file)
        raw = paths.owner_file.read_bytes()
        content = hidden(raw) if len(raw) <= LARGEST_FILE else None
        if content is None:
            left = load(paths).settings.wifi.password
            if left and not KEY.fullmatch(left):
                log.warning(
                    "The Wi-Fi password stays readable in %s: its key needs ssid, and the password a line of its own",
                    paths.owner_file.name,
                )
            return
        replace(paths.owner_file, content)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("The Wi-Fi password stays readable in %s (%s)", paths.owner_file.name, error.strerror)
        return
    log.info("The Wi-Fi password in %s has been replaced by its key", paths.owner_file.name)
