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
# begins to listen; U-Boot, which asks by itself, leaves none. And how it speaks with the processor (GAHBCFG), with the
# bit that lets any interrupt through: the driver sets it last of all. Source: BCM2835 ARM Peripherals, chapter 15
# (where the core is); Linux, drivers/usb/dwc2/hw.h (its registers), hcd.c (dwc2_hcd_init).
GINTMSK = 0x3F980000 + 0x018
PORT = 1 << 24
GAHBCFG = 0x3F980000 + 0x008
ANY = 1 << 0
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
            while not listens(self._monitor):
                if self._stop.wait(LOOK_EVERY):
                    return
            if not self._stop.wait(SETTLED):
                plug_in(self._monitor)


def listens(monitor: Monitor) -> bool:
    """Whether the kernel's driver of the USB controller is told of what happens at the port."""
    return bool(register(monitor, GINTMSK) & PORT and register(monitor, GAHBCFG) & ANY)


def register(monitor: Monitor, address: int) -> int:
    """A register of the board's chip."""
    return int(monitor.human(f"xp /1wx {address:#x}").rpartition("0x")[2], 16)


def plug_in(monitor: Monitor) -> None:
    """Put the network adapter in. The emulated one cannot be taken out again: QEMU 7.2 ends with an assertion.

    Raises:
        OSError: the emulator has gone, or it is in already.
    """
    monitor.execute("device_add", driver="usb-net", id="adapter", netdev="cable", mac=MAC)
