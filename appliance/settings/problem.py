"""Something that is wrong, as data: the page, the log, the lights and ``porchlight check`` all show the same one."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem weighs."""

    # Nobody can use the relay while it lasts.
    BLOCKING = "blocking"
    # A part does not work, or soon will not: the lights show it.
    TROUBLE = "trouble"
    # Good to know, at leisure: page and ``porchlight check`` show it, the lights do not.
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        what: what is wrong, with the setting's name and the line where known.
        means: what porchlight does in the meantime.
        todo: how to mend it.
        id: the name of the check that found it (``appliance.health``); empty until then.
        severity: how much it weighs.
    """

    what: str
    means: str
    todo: str
    id: str = ""
    severity: Severity = Severity.TROUBLE

    def __str__(self) -> str:
        return f"{self.what} {self.means} {self.todo}"
