"""The device itself: power, heat, memory card, clock."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text

# Degrees Celsius at which a Pi's firmware begins to slow the processor down (Raspberry Pi documentation, "Frequency
# management and thermal control").
HOT = 80.0
# Bytes: less than this, and the next settings, certificate or count may not fit.
LITTLE_ROOM = 4_000_000
# Seconds since boot after which a clock that nobody has set is worth a word; until then the network is coming up.
CLOCK_TAKES = 600.0


@check("low-voltage", Severity.TROUBLE)
def low_voltage(facts: Facts) -> Iterator[Problem]:
    """The Pi's firmware saw the supply voltage fall too low within the last ten minutes."""
    if facts.machine.low_voltage:
        yield Problem(
            text("The power supply is too weak."),
            text("The voltage falls below what the device needs: it may stop, or damage its memory card."),
            text("Use the power supply that was made for your model, with a short cable, and unplug what hangs on the "
                 "device."),
        )  # fmt: skip


@check("too-hot", Severity.TROUBLE)
def too_hot(facts: Facts) -> Iterator[Problem]:
    """The processor has 80 °C or more, where it begins to slow itself down."""
    celsius = facts.machine.celsius
    if celsius is not None and celsius >= HOT:
        yield Problem(
            text("The device is too hot: %(degrees)s °C.", degrees=round(celsius)),
            text("It works more slowly to protect itself, and people wait longer."),
            text("Give it air: take it out of the closet or the sun, or put a heat sink on it."),
        )


@check("card-failing", Severity.TROUBLE)
def card_failing(facts: Facts) -> Iterator[Problem]:
    """The kernel counts damages in the data partition's file system, or lets nobody write to it any more."""
    storage = facts.machine.storage
    if storage and not facts.halting and (storage.errors or not storage.writable):
        yield Problem(
            text("The memory card is failing."),
            text("The relay goes on, but what you change may be lost, and one day the device may not start."),
            text("Save your settings from the setup page, and flash another card soon."),
        )


@check("card-full", Severity.TROUBLE)
def card_full(facts: Facts) -> Iterator[Problem]:
    """Less than 4 MB are left on the data partition."""
    storage = facts.machine.storage
    if storage and storage.writable and storage.free < LITTLE_ROOM:
        yield Problem(
            text("The memory card has no room left."),
            text("The relay goes on, but settings and certificates can no longer be saved."),
            text("Flash the card again, or use a larger one."),
        )


@check("data-lost", Severity.TROUBLE)
def data_lost(facts: Facts) -> Iterator[Problem]:
    """The data partition was beyond repair and was made anew; told until the card is claimed and starts once more."""
    if facts.data_lost:
        yield Problem(
            text("The card's memory for settings was damaged and had to be made anew."),
            text("What was saved on this page, the password included, is gone; the relay itself is not affected."),
            text("Set up porchlight once more. If this happens again, use another card."),
        )


@check("clock", Severity.NOTICE)
def clock(facts: Facts) -> Iterator[Problem]:
    """Ten minutes after the start nobody has told the device the time, or it stands before this version was made."""
    if facts.wall is None and facts.now > CLOCK_TAKES:
        yield Problem(
            text("Nobody has told this device the time."),
            text("People can use it all the same, but certificates and the month's data need the right date."),
            text("See that your router lets it ask a time server (NTP, UDP port 123)."),
        )
