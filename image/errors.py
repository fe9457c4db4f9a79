"""What can go wrong while building, told so that a person can act on it."""


class BuildError(RuntimeError):
    """A reason why there is no card: what happened, what that means, what to do about it."""

    def __init__(self, what: str, means: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.means = means
        self.do = do

    def __str__(self) -> str:
        """The three sentences, one a line."""
        return f"{self.what}\n  What this means: {self.means}\n  What to do:      {self.do}"


class NoSpace(BuildError):
    """The disk is full, or will be before the card is done."""

    def __init__(self, where: str, free: int, needed: int) -> None:
        super().__init__(
            f"Not enough disk space in {where}: {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed.",
            "The card was not built. Nothing that a later build would trust was left behind.",
            "Free some space, or choose another place with --cache DIR and --output DIR, and run ./build again.",
        )


class NoNetwork(BuildError):
    """A download failed and the cache does not have the thing either."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(
            f"Could not download {what}.{detail}",
            "This machine reaches neither Debian's archive nor the Python package index, or only in part.",
            "Check the network (a proxy goes into http_proxy and https_proxy; another Debian mirror into --mirror URL)"
            " and run ./build again: what was downloaded is kept.",
        )
