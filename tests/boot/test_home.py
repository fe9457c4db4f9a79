"""The board's home by itself: a client with no emulator gets its address from the router."""

import fcntl
import os
import select
import socket
import struct
import time
from pathlib import Path

import pytest

from tests.boot.home import BOARD, MAC, ROUTER, TAP, UPSTREAM, Home

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
BROADCAST = b"\xff" * 6


def discover(mac: bytes) -> bytes:
    """A DHCPDISCOVER as it lies on the cable (RFC 2131); no UDP checksum, which IPv4 allows."""
    dhcp = struct.pack(">4BI2H16x", 1, 1, 6, 0, 0x706C6967, 0, 0x8000) + mac.ljust(16, b"\0") + bytes(192)
    dhcp += b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\xff"
    udp = struct.pack(">4H", 68, 67, 8 + len(dhcp), 0) + dhcp
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack(">10H", header))
    header = header[:10] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + header[12:]
    return BROADCAST + mac + b"\x08\x00" + header + udp


@pytest.mark.namespaces
def test_router_gives_the_board_its_address(tmp_path: Path) -> None:
    mac = bytes.fromhex(MAC.replace(":", ""))
    with Home(f"porchlight-test-{os.getpid()}", tmp_path) as home:

        def plug_in() -> int:
            cable = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(cable, TUNSETIFF, struct.pack("16sH22x", TAP.encode(), IFF_TAP | IFF_NO_PI))
            return cable

        cable = home.inside(plug_in)
        try:
            deadline = time.monotonic() + 60
            while True:
                assert time.monotonic() < deadline, (tmp_path / "router.log").read_text()
                os.write(cable, discover(mac))
                until = time.monotonic() + 1
                frames = []
                while select.select([cable], [], [], max(0, until - time.monotonic()))[0]:
                    frames.append(os.read(cable, 2000))
                offers = [one for one in frames if one[12:14] == b"\x08\x00" and one[34:38] == b"\x00\x43\x00\x44"]
                if offers:
                    break
            assert socket.inet_ntoa(offers[0][58:62]) == BOARD
            assert socket.inet_ntoa(offers[0][26:30]) == ROUTER
        finally:
            os.close(cable)


@pytest.mark.namespaces
def test_upstream_listens_before_its_address_is_there(tmp_path: Path) -> None:
    with (
        Home(f"porchlight-test-{os.getpid()}", tmp_path) as home,
        home.listen(UPSTREAM, 5222) as listener,
    ):
        home.add_address(UPSTREAM)
        with home.inside(lambda: socket.create_connection((UPSTREAM, 5222), 5)):
            listener.accept()[0].close()
        home.remove_address(UPSTREAM)
