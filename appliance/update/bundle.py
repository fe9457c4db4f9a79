"""Checking and installing a bundle: by RAUC, with a message bus that lives as long as the installation.

RAUC's installer is a service on D-Bus. The card has no bus, since nothing else would use it; a private one for these
minutes costs no memory in all the others. Run by root (``root``); only ``version_of`` is for everybody.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import __version__
from appliance.errors import UpdateError
from appliance.files import UNREADABLE
from appliance.text import Text, text
from appliance.update.feed import COMPATIBLE
from appliance.update.version import newer
from appliance.update.web import NO_PARTS, OTHER_SERVER

BUS = Path("/usr/lib/porchlight/update-bus.conf")
# A downgrade is refused by RAUC itself, whoever asks for it. The version is this system's own.
RAUC = ("rauc", "-C", f"system:min-bundle-version={__version__}")
# Seconds for the bus to be there.
BUS_PATIENCE = 60.0
# What RAUC prints while it installs: " 40% Checking bundle done."
PROGRESS = re.compile(r"^\s*(\d{1,3})% (.*)$")
LAST_ERROR = re.compile(r"^LastError: (.+)$", re.MULTILINE)
# Characters of RAUC's last words in an error that nobody foresaw.
LONGEST_REASON = 300

# The page shows what happened; what that means and what to do is for the terminal, which speaks English.
NOT_INSTALLED = "It was not installed. The system that runs is not affected."
AGAIN = "Download it again, from where porchlight is offered."
DAMAGED = text("The update is damaged or incomplete.")


# What RAUC's words mean, most telling first: a part of what it prints, what happened, what to do.
REASONS: tuple[tuple[str, Text, str], ...] = (
    (
        "ersion mismatch",
        text("The update is older than what runs here."),
        "Older versions are not installed, since they have known faults. Flash the card if you need one.",
    ),
    (
        "ompatible mismatch",
        text("The update is not for this kind of device."),
        "Take the file that belongs to porchlight for the Raspberry Pi.",
    ),
    ("signature verification failed", text("The update was not signed by the makers of this porchlight."), AGAIN),
    ("nvalid bundle", DAMAGED, AGAIN),
    # Seen when the stream begins (RAUC, src/nbd.c). The updater has looked at that before (``web``).
    (
        "range requests not supported",
        text("The update could not be installed: %(why)s", why=NO_PARTS),
        OTHER_SERVER,
    ),
    # A block that is not what was signed, seen while mounting; or while writing, as a download that breaks off is.
    ("dm-verity status", DAMAGED, AGAIN),
    ("nput/output error", DAMAGED, AGAIN),
)


def explained(said: str) -> UpdateError:
    """An error in plain words for what RAUC printed. No input or output here."""
    for part, what, todo in REASONS:
        if part in said:
            return UpdateError(what, NOT_INSTALLED, todo)
    told = LAST_ERROR.search(said)
    lines = [line for line in said.splitlines() if line.strip()]
    reason = (told[1] if told else lines[-1] if lines else "?")[-LONGEST_REASON:]
    return UpdateError(text("The update could not be installed: %(why)s", why=reason), NOT_INSTALLED, AGAIN)


def version_of(bundle: Path) -> str:
    """The version of a bundle, after its signature was checked.

    Raises:
        UpdateError: it is not signed, damaged, for other boards, or older than what runs.
    """
    command = [*RAUC, "info", "--output-format=json", str(bundle.resolve())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise explained(done.stderr)
    try:
        manifest = json.loads(done.stdout)
        compatible, version = str(manifest["compatible"]), str(manifest["version"])
        older = newer(__version__, version)
    except UNREADABLE as error:
        raise explained("invalid bundle") from error
    if compatible != COMPATIBLE:
        raise explained("compatible mismatch")
    if older:
        raise explained("version mismatch")
    return version


def install(source: str, progress: Callable[[int], None], folder: Path) -> None:
    """Write a bundle into the other slot and let the next start try it.

    Args:
        source: a file, or an HTTPS address; then it is streamed, and never stored.
        progress: told the percentage now and then.
        folder: for the bus, in RAM.

    Raises:
        UpdateError: it was refused, or writing failed; the running system stays what is started.
    """
    with _bus(folder) as environment:
        command = [*RAUC, "install", "--progress", source]
        words: list[str] = []
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child:
            for line in child.stdout or ():
                print(line.rstrip(), flush=True)
                words.append(line)
                if found := PROGRESS.match(line):
                    progress(int(found[1]))
        if child.returncode:
            raise explained("".join(words))


@contextmanager
def _bus(folder: Path) -> Iterator[dict[str, str]]:
    """A message bus of our own; it starts RAUC's service when it is asked for it, and both end with it."""
    address = f"unix:path={folder}/bus"
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}
    command = ["dbus-daemon", "--nofork", "--print-address=1", f"--config-file={BUS}", f"--address={address}"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            if not (daemon.stdout and daemon.stdout.readline()):
                raise not_started()
            service = subprocess.Popen([*RAUC, "service"], env=environment)
            try:
                _wait_for_service(address, environment)
                yield environment
            finally:
                service.terminate()
                service.wait()
        finally:
            daemon.terminate()


def _wait_for_service(address: str, environment: dict[str, str]) -> None:
    command = ["dbus-send", f"--bus={address}", "--print-reply", "--dest=org.freedesktop.DBus", "/"]
    command += ["org.freedesktop.DBus.NameHasOwner", "string:de.pengutronix.rauc"]
    deadline = time.monotonic() + BUS_PATIENCE
    while time.monotonic() < deadline:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "boolean true" in done.stdout:
            return
        time.sleep(0.5)
    raise not_started()


def not_started() -> UpdateError:
    """Whoever installs does not answer."""
    return UpdateError(text("The installer did not start."), NOT_INSTALLED, "Restart the device, and try again.")


def died(part: str) -> UpdateError:
    """A part of root's has ended without a word, as for want of memory."""
    return UpdateError(
        text("A part of porchlight has stopped: %(part)s.", part=part),
        "What it was asked for is not done. The system that runs is not affected.",
        "Restart the device, and try again.",
    )


def not_restarted(why: object) -> UpdateError:
    """The device does not restart, into a version that is in its slot already."""
    return UpdateError(
        text("Pull the plug. To switch it on again, plug it in."),
        f"The device did not restart by itself: {why}. What was installed waits for that.",
    )


def not_written(error: OSError) -> UpdateError:
    """The data partition takes nothing, so what becomes of an update could not be remembered."""
    return UpdateError(
        text("The memory card cannot be written: %(why)s.", why=error.strerror or str(error)),
        "No new version is installed by itself as long as nobody could remember what became of it.",
        "Restart the device. If this stays, save all settings as one file, and flash another card.",
    )


def on_trial() -> UpdateError:
    """The other slot is the way back as long as the system that runs is on trial."""
    return UpdateError(
        text("The version that runs is new here, and has not shown yet that it works."),
        "The former version is kept until then, so nothing else can be installed.",
        "Wait half an hour, and try again.",
    )
