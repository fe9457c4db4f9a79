"""The board's network cable: a USB adapter that goes in once the kernel's driver of the USB controller runs.

The emulated controller tells of a new device once. Of an adapter that is in from the start U-Boot would take that word,
and the kernel, which on a real board hears it again, would wait for ever. Of one that is put in between U-Boot and the
kernel's driver, the driver hears while it still starts, and about one start in forty ends with "dwc2: Not connected"
and no network. So it is put in afterwards, like a cable that somebody plugs into a running board.
"""

import threading
from contextlib import suppress

from tests.boot.home import MAC
from tests.boot.qmp import Monitor

# The mask of the controller's interrupts (GINTMSK), and in it those of its port, which the driver lets through when it
# begins to listen; U-Boot, which asks by itself, leaves none. Source: BCM2835 ARM Peripherals, chapter 15 (where the
# core is); Linux, drivers/usb/dwc2/hw.h (its registers).
GINTMSK = 0x3F980000 + 0x018
PORT = 1 << 24
# Seconds: between two looks, and until a driver that listens has started for good.
LOOK_EVERY = 0.5
SETTLED = 3.0


class Cable:
    """What puts the adapter in, in the background, unless it is told to stop before.

    Args:
        monitor: the emulator's.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._wait_and_plug_in, name="cable", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait no longer."""
        self._stop.set()
        self._thread.join()

    def _wait_and_plug_in(self) -> None:
        # The emulator may end at any moment.
        with suppress(OSError):
            while not interrupts(self._monitor) & PORT:
                if self._stop.wait(LOOK_EVERY):
                    return
            if not self._stop.wait(SETTLED):
                plug_in(self._monitor)


def interrupts(monitor: Monitor) -> int:
    """Which interrupts of the USB controller are let through, a bit each."""
    return int(monitor.human(f"xp /1wx {GINTMSK:#x}").rpartition("0x")[2], 16)


def plug_in(monitor: Monitor) -> None:
    """Put the network adapter in. The emulated one cannot be taken out again: QEMU 7.2 ends with an assertion.

    Raises:
        OSError: the emulator has gone, or it is in already.
    """
    monitor.execute("device_add", driver="usb-net", id="adapter", netdev="cable", mac=MAC)
