"""The one error of everything here that reads what came from the network."""


class DamagedAnswer(ValueError):
    """A datagram that is no answer to what was asked: damaged, forged, or meant for somebody else."""
