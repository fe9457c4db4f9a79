"""No request may take a worker's time: everybody else's bytes wait meanwhile."""

import time

from appliance.relay import cover
from appliance.relay.request import LONGEST, is_decided
from tests.relay.test_cover import NEUTRAL


def test_no_request_costs_much_time() -> None:
    """What would be tried in each division of a long row takes most of a second here, on a Pi several."""
    ends = (b"", b"\1", b"\0\r\n\r\n")
    for filling in (b" ", b"\t", b"%", b"a ", b"\r", b"/..", b"0", b"0-", b"1 ", b"9,", b"A", b"-", b"."):
        for beginning in (
            b"G",
            b"GET /",
            b"GET http://",
            b"GET / HTTP/1.",
            b"GET / HTTP/1.0\r\nRange: bytes=1",
            b"GET / HTTP/1.1\r\nX:",
        ):
            for end in ends:
                request = (beginning + filling * 8180)[: LONGEST - 8] + end
                begun = time.thread_time()
                is_decided(request)
                cover.host_of(request)
                cover.answer(request, NEUTRAL, None)
                cover.answer_in_clear(request)
                assert time.thread_time() - begun < 0.2, (beginning, filling, end)
