"""The datagrams of PCP, NAT-PMP, STUN and SSDP: by the byte, as the RFCs draw them, and bent out of shape."""

import ipaddress
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.router import natpmp, pcp, ssdp, stun
from appliance.router.damaged import DamagedAnswer
from tests.fuzz.counts import cases
from tests.relay.mutation import Known

NONCE = bytes(range(12))
OWN = ipaddress.ip_address("192.168.1.20")
GATEWAY = "192.168.1.1"
# RFC 6887, figures 3 and 10: header, then MAP's own part.
PCP_ASK = bytes.fromhex(
    "02 01 0000 00001c20 00000000000000000000ffffc0a80114"
    "000102030405060708090a0b 06 000000 01bb 01bb 00000000000000000000ffff00000000"
)
PCP_YES = bytes.fromhex(
    "02 81 00 00 00000e10 00000123 000000000000000000000000"
    "000102030405060708090a0b 06 000000 01bb 01bb 00000000000000000000ffff50646401"
)
NATPMP_ADDRESS = bytes.fromhex("00 80 0000 00000123 50646401")
NATPMP_YES = bytes.fromhex("00 82 0000 00000123 01bb 01bb 00001c20")
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769, section 2.2: a server's answer with the address 192.0.2.1, without what concerns passwords.
STUN_YES = bytes.fromhex(
    "0101 0018 2112a442 b7e7a701bc34d686fa87dfae"
    "8022 0006 746573742076 2020"  # SOFTWARE, padded
    "0020 0008 0001 a147 e112a643"
)
SSDP_YES = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"
)


def with_length(data: bytes) -> bytes:
    """A STUN answer whose header tells the right length."""
    return data[:2] + (len(data) - 20).to_bytes(2, "big") + data[4:]


STUN_YES = with_length(STUN_YES)


def test_pcp_asks_for_a_port_and_for_its_end() -> None:
    assert pcp.map_request(NONCE, OWN, 443, 7200) == PCP_ASK
    end = pcp.map_request(NONCE, OWN, 443, 0)
    # RFC 6887, section 15: the outer port and address are zero then.
    assert end[4:8] == bytes(4)
    assert end[42:44] == bytes(2)


def test_pcp_asks_for_a_pinhole_in_ipv6() -> None:
    own = ipaddress.ip_address("2001:470::20")
    request = pcp.map_request(NONCE, own, 443, 7200)
    assert request[8:24] == own.packed
    assert request[44:60] == bytes(16)


def test_pcp_s_answers() -> None:
    assert pcp.understand_map(PCP_YES, NONCE, 443) == pcp.MapAnswer(0, 3600, 443, "80.100.100.1")
    refused = bytearray(PCP_YES)
    refused[3] = pcp.Result.NOT_AUTHORIZED
    assert pcp.understand_map(bytes(refused), NONCE, 443) == pcp.MapAnswer(2, 3600)


def test_a_router_that_knows_only_natpmp_is_understood_by_pcp() -> None:
    answer = pcp.understand_map(bytes.fromhex("00 81 0001 00000123"), NONCE, 443)
    assert answer.result == pcp.Result.UNSUPP_VERSION


@pytest.mark.parametrize(
    ("place", "byte"),
    [(1, 0x80), (0, 1), (24, 0xFF), (36, 17), (41, 0xBC)],
    ids=["another opcode", "another version", "another nonce", "UDP", "another port"],
)
def test_pcp_takes_no_answer_to_something_else(place: int, byte: int) -> None:
    changed = bytearray(PCP_YES)
    changed[place] = byte
    with pytest.raises(DamagedAnswer):
        pcp.understand_map(bytes(changed), NONCE, 443)


def test_natpmp_s_questions_and_answers() -> None:
    assert natpmp.address_request() == b"\0\0"
    assert natpmp.map_request(443, 7200) == bytes.fromhex("00 02 0000 01bb 01bb 00001c20")
    assert natpmp.map_request(443, 0) == bytes.fromhex("00 02 0000 01bb 0000 00000000")
    assert natpmp.understand_address(NATPMP_ADDRESS) == natpmp.AddressAnswer(0, "80.100.100.1")
    assert natpmp.understand_map(NATPMP_YES, 443) == natpmp.MapAnswer(0, 443, 7200)
    assert natpmp.understand_map(bytes.fromhex("00 82 0003 00000123"), 443) == natpmp.MapAnswer(3)
    with pytest.raises(DamagedAnswer):
        natpmp.understand_map(NATPMP_YES, 587)


def test_stun_s_question_and_answer() -> None:
    assert stun.request(TRANSACTION) == bytes.fromhex("0001 0000 2112a442") + TRANSACTION
    assert stun.understand(STUN_YES, TRANSACTION) == "192.0.2.1"
    plain = with_length(STUN_YES[:20] + bytes.fromhex("0001 0008 0001 a147 c0000201"))
    assert stun.understand(plain, TRANSACTION) == "192.0.2.1"
    with pytest.raises(DamagedAnswer):
        stun.understand(STUN_YES, NONCE)
    with pytest.raises(DamagedAnswer):
        stun.understand(with_length(STUN_YES[:20]), TRANSACTION)


def test_ssdp_s_question_and_answer() -> None:
    question = ssdp.search(ssdp.TARGETS[0]).decode()
    assert question.startswith("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n")
    assert question.endswith("\r\n\r\n")
    assert ssdp.description_of(SSDP_YES, GATEWAY) == "http://192.168.1.1:5000/rootDesc.xml"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.30:5000/rootDesc.xml",
        "http://192.168.1.1@192.168.1.30/",
        "http://192.168.1.1:80@192.168.1.30/",
        "http://192.168.1.1.evil.example/",
        "http://192.168.1.1:5000:80/",
        "http://192.168.1.1:99999/",
        "http://router/",
        "https://192.168.1.1/",
        "file:///etc/passwd",
        "http://192.168.1.1\\@192.168.1.30/",
        "http://192.168.1.1/ HTTP/1.1",
        "http://192.168.1.1/" + "a" * 300,
        "",
    ],
)
def test_a_description_that_is_not_the_gateway_s_own_is_refused(url: str) -> None:
    with pytest.raises(DamagedAnswer):
        ssdp.on_gateway(url, GATEWAY)


READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "pcp": (PCP_YES, lambda data: pcp.understand_map(data, NONCE, 443)),
    "pcp-announcement": (PCP_YES[:24], pcp.understand_announcement),
    "natpmp-address": (NATPMP_ADDRESS, natpmp.understand_address),
    "natpmp-map": (NATPMP_YES, lambda data: natpmp.understand_map(data, 443)),
    "stun": (STUN_YES, lambda data: stun.understand(data, TRANSACTION)),
    "ssdp": (SSDP_YES, lambda data: ssdp.description_of(data, GATEWAY)),
}


@pytest.mark.costly
@pytest.mark.parametrize("name", READERS)
def test_any_datagram_is_understood_or_damaged(name: str) -> None:
    right, read = READERS[name]

    @settings(max_examples=1500, database=None)
    @given(st.binary(max_size=1600))
    @example(right)
    def anything(data: bytes) -> None:
        _try(read, data)

    anything()


@cases(2000, 100_000)
@pytest.mark.parametrize("name", READERS)
def test_a_right_datagram_bent_at_random_is_understood_or_damaged(name: str, count: int) -> None:
    right, read = READERS[name]
    chance = random.Random(name)  # noqa: S311 - the same cases in each run
    known = Known((right,))
    understood = 0
    for _ in range(count):
        data = bytearray(right)
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        elif chance.random() < 0.2:
            data += chance.randbytes(chance.randrange(1, 40))
        while known.has(bytes(data)):
            at = chance.randrange(len(data) + 1)
            data[at : at + 1] = chance.randbytes(1)
        understood += _try(read, bytes(data))
    # Both ends are reached: a reader that refused everything would pass otherwise.
    assert 0 < understood < count


def _try(read: Callable[[bytes], object], data: bytes) -> bool:
    try:
        read(data)
    except DamagedAnswer:
        return False
    return True
