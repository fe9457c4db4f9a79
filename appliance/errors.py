"""The one tree of errors: every message says what happened, what it means and what to do."""


class PorchlightError(Exception):
    """Something the volunteer or the contributor can act on.

    Args:
        what: what happened, in one plain sentence.
        means: what follows from it for the person who reads it.
        todo: what to do now.
    """

    def __init__(self, what: str, means: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.means = means
        self.todo = todo

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.means, self.todo) if part)


class SettingsError(PorchlightError, ValueError):
    """A setting was refused when somebody tried to save it."""


class SavedStateError(PorchlightError, ValueError):
    """A file that porchlight wrote for itself cannot be understood any more."""


class PortInUseError(PorchlightError, OSError):
    """A port that porchlight needs is held by another program."""


class PinsError(PorchlightError, OSError):
    """The pins of the lights cannot be used."""


class UpdateError(PorchlightError):
    """An update was refused, or could not be installed; the running system is what it was."""
