"""A mistake in the settings, as data: the page, the log, the lights and ``porchlight check`` all show the same one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings.

    Args:
        what: what is wrong, with the setting's name and the line where known.
        means: what porchlight does in the meantime.
        todo: how to mend it.
    """

    what: str
    means: str
    todo: str

    def __str__(self) -> str:
        return f"{self.what} {self.means} {self.todo}"
