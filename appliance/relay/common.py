"""What all streams of a worker have in common."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from appliance.relay.pipe import Pipe

if TYPE_CHECKING:
    from appliance.relay.stream import Flow, Stream

# A list, or shared memory: what can be counted in.
Counters = list[int] | memoryview

Kinds = tuple[type["Flow"], type["Flow"]]

# The part of the memory that may lie here for people who read slowly, in large pieces; and in all.
PART_FOR_REST, MOST_FOR_REST = 8, 4


class Common:
    """What all streams of a worker have in common.

    Args:
        row: where the bytes are counted.
        pipe: the way for large reads; None where the kernel cannot splice.
        closed: called once for each stream, when it is over.
        memory: that this worker may share among its streams, in bytes.

    Attributes:
        held: bytes that lie here, in all streams, since their sinks have no room.
        roomy: up to so many of them, streams read as much as there is; past it one small piece at a time.
        most_held: past so many, a stream that would leave more here is broken off.
    """

    __slots__ = ("closed", "held", "most_held", "pipe", "roomy", "row")

    kinds: "ClassVar[tuple[Kinds, Kinds]]"

    def __init__(self, row: Counters, pipe: Pipe | None, closed: "Callable[[Stream], None]", memory: int) -> None:
        self.row = row
        self.pipe = pipe
        self.closed = closed
        self.held = 0
        self.share(memory)

    def share(self, memory: int) -> None:
        """Have so many bytes to share from now on; who is held up already is not broken off for having had more."""
        self.roomy, self.most_held = memory // PART_FOR_REST, max(memory // MOST_FOR_REST, self.held)
