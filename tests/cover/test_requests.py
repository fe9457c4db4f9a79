"""Odd requests to a relay and to Debian's nginx beside it: each must get the same answer, byte by byte."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from appliance.relay import own_certificate
from appliance.relay.first_bytes import Peer, classify
from tests.cover import inside
from tests.cover.probes import exchange
from tests.cover.stock import Stock
from tests.cover.test_probes import page_of, start
from tests.relay.odd_requests import ODD
from tests.relay.running import Relay

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

# Changed at random, and the same in each run.
CASES, SEED = 3000, 11
PIECES = (
    *(
        b"",
        b"/",
        b"..",
        b"%",
        b"\r",
        b"\n",
        b"\0",
        b"\xff",
        b" ",
        b"\t",
        b":",
        b"?",
        b"#",
        b"HTTP/1.1",
        b"http://",
        b"0",
    ),
    *(
        b"1",
        b"a",
        b"_",
        b"-",
        b"\r\n",
        b"Host: y_z_\r\n",
        b"//",
        b"%2e",
        b"[",
        b"]",
        b"@",
        b".",
        b"*",
        b",",
        b'"',
        b"\x7f",
    ),
)
# Seconds without a byte, after which none is expected. What the two do with time has rows of its own (docs/cover.md).
QUIET = 0.5
AT_ONCE = 24
# In how many of a thousand they may differ: a mistake in a header that has not ended, a damaged body (docs/cover.md).
MOST_OTHERS = 10
# Everybody on loopback is at home, but nobody is led to the setup page by a name that cannot be the card's.
NAMED = b"Host: a_b_c_d"


@pytest.fixture(scope="module")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    own_certificate.make(folder)
    return folder / own_certificate.FILE


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Relay]:
    found = start(tmp_path_factory.mktemp("requests") / "relay", None, certificate_file)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, relay: Relay) -> Iterator[Stock]:
    found = Stock(tmp_path_factory.mktemp("stock") / "nginx", certificate_file, page_of(relay))
    yield found
    found.stop()


def answer(port: int, sent: bytes) -> bytes:
    return inside.ending(inside.undated(exchange(port, sent, QUIET).data))


def differing(relay: Relay, stock: Stock, requests: list[bytes]) -> list[bytes]:
    """Which requests get another answer of the relay than of nginx."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [sent for sent in requests if classify(sent) is not Peer.FOREIGN]
        ours, theirs = (list(pool.map(partial(answer, port), asked)) for port in (relay.chat, stock.plain))
        astray, theirs_astray = (list(pool.map(partial(answer, port), requests)) for port in (relay.tls, stock.tls))
    every = (*zip(asked, ours, theirs, strict=True), *zip(requests, astray, theirs_astray, strict=True))
    # nginx may answer what comes behind a request as another one; the relay closes (`kept-alive` in docs/cover.md).
    return [sent for sent, one, other in every if one != other and not (one and other.startswith(one))]


def test_odd_requests_are_answered_as_by_nginx(relay: Relay, stock: Stock) -> None:
    requests = [sent.replace(b"Host: x", NAMED) for sent, _, _ in ODD]
    assert differing(relay, stock, requests) == []


def test_requests_that_are_changed_at_random_too(relay: Relay, stock: Stock) -> None:
    chance = random.Random(SEED)  # noqa: S311
    requests = []
    for _ in range(CASES):
        data = bytearray(chance.choice(ODD)[0].replace(b"Host: x", NAMED))
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randrange(3)] = chance.choice(PIECES)
        requests.append(bytes(data))
    found = differing(relay, stock, requests)
    print(f"{len(found)} of {2 * CASES} differ", *found, sep="\n")
    assert len(found) < MOST_OTHERS * 2 * CASES / 1000
