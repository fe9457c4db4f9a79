"""The way from plugged in to shared, in five steps. No input or output here."""

from dataclasses import dataclass

from appliance.text import text


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Args:
        number: from 1.
        label: two words for the progress line.
        endpoint: its page; empty for a step that is over as soon as somebody sees this.
    """

    number: int
    label: str
    endpoint: str


STEPS = (
    Step(1, text("Find it"), ""),
    Step(2, text("Claim it"), ""),
    Step(3, text("Name it"), "naming.choose"),
    Step(4, text("Open it"), "opening.router"),
    Step(5, text("Share it"), "seeing.outside"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the owner has come.

    Args:
        named: whether there is a name or an address to share.
        opened: whether the router lets people in, as far as it says.
        seen: whether somebody has come in from outside.
    """

    named: bool
    opened: bool
    seen: bool

    @property
    def done(self) -> frozenset[int]:
        """The numbers of the steps that are behind the owner."""
        later = {3: self.named, 4: self.opened or self.seen, 5: self.seen and self.named}
        return frozenset({1, 2, *(number for number, over in later.items() if over)})

    @property
    def next(self) -> Step | None:
        """The first step that is left; None when all is done."""
        return next((one for one in STEPS if one.number not in self.done), None)
