"""Whether people use the relay, told so that nobody learns when. No input or output here.

The lights stand where a visitor, a neighbour or a camera can see them, and a relay may have one single user. A light
that changed as somebody connects would tell the moment, and whoever watches the lines of a suspect could lay one beside
the other. So time is cut into windows: what is told during one is only whether anybody was there during the one
before. It changes at the windows' ends and at no other moment; within a window the first connection, the last and a
thousand look the same. What an onlooker still learns is that somebody, some time within those five minutes, was
connected, and over a day the hours of use in such steps: not who, not the moment, not how many; and strangers who try
every address of the Internet count too.
"""

# Seconds. Long enough that many things happen within one, short enough to see on the same evening that it is used.
WINDOW = 300.0


class Use:
    """Watches the number of connections.

    Args:
        now: seconds since boot.
    """

    def __init__(self, now: float) -> None:
        self._window = now // WINDOW
        self._seen = False
        self._told = False

    def turn(self, now: float, connections: int) -> bool:
        """Look once; often, so that no window passes unseen.

        Args:
            now: seconds since boot.
            connections: people's connections at this moment.

        Returns:
            Whether anybody was connected during the window before this one.
        """
        window = now // WINDOW
        if window != self._window:
            self._told = self._seen and window == self._window + 1
            self._window, self._seen = window, False
        self._seen = self._seen or connections > 0
        return self._told
