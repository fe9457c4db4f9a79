"""What is said to an Internet gateway device: look first, never take another's port, and make do with its limits."""

import pytest

from appliance.network.verdict import PortState
from appliance.router.igd import LEASE, PERMANENT, Entry, close_port, open_port

OWN, OTHER, FORMER = "192.168.1.20", "192.168.1.30", "192.168.1.19"


class RecordingDevice:
    """Stands in for a router that behaves in ways that miniupnpd does not, and records what was asked of it."""

    def __init__(self, entry: Entry | None = None, *refusals: str, deaf: bool = False) -> None:
        self.entry = entry
        self.refusals = list(refusals)
        # A deaf one says yes and changes nothing.
        self.deaf = deaf
        self.leases: list[int] = []
        self.deleted: list[int] = []

    def externalipaddress(self) -> str:
        return "80.100.100.1"

    def getspecificportmapping(self, port: int, protocol: str, /) -> Entry | None:
        assert protocol == "TCP"
        return self.entry

    def addportmapping(
        self, port: int, protocol: str, host: str, inner: int, about: str, whom: str, lease: int, /
    ) -> bool:
        self.leases.append(lease)
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise Exception(refusal)
        if not self.deaf:
            self.entry = (host, inner, about, True, lease)
        return True

    def deleteportmapping(self, port: int, protocol: str, /) -> bool:
        self.deleted.append(port)
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise Exception(refusal)
        self.entry = None
        return True


def theirs(host: str = OTHER, inner: int = 443, about: str = "game") -> Entry:
    return host, inner, about, True, 1000


def test_a_free_port_is_taken_for_an_hour() -> None:
    device = RecordingDevice()
    assert open_port(device, OWN, 443) == (PortState.MAPPED, False)
    assert device.leases == [LEASE]
    assert device.entry == (OWN, 443, "porchlight", True, LEASE)


def test_another_s_port_is_not_even_asked_for() -> None:
    for entry in (theirs(), theirs(OWN, 80), theirs(FORMER, about="porchlight")):
        device = RecordingDevice(entry)
        assert open_port(device, OWN, 443) == (PortState.TAKEN, False)
        assert (device.leases, device.deleted, device.entry) == ([], [], entry)


def test_ours_is_renewed_in_the_second_half_of_its_time() -> None:
    for left, renewed in ((LEASE, []), (LEASE // 2 + 1, []), (LEASE // 2, [LEASE]), (1, [LEASE]), (PERMANENT, [])):
        device = RecordingDevice((OWN, 443, "porchlight", True, left))
        assert open_port(device, OWN, 443) == (PortState.MAPPED, False)
        assert device.leases == renewed
    switched_off = RecordingDevice((OWN, 443, "porchlight", False, LEASE))
    assert open_port(switched_off, OWN, 443)[0] is PortState.MAPPED
    assert switched_off.leases == [LEASE]


@pytest.mark.parametrize("refusal", ["OnlyPermanentLeasesSupported", "Invalid Args"])
def test_a_router_that_knows_no_leases_gets_a_mapping_without_end(refusal: str) -> None:
    device = RecordingDevice(None, refusal)
    assert open_port(device, OWN, 443) == (PortState.MAPPED, False)
    assert device.leases == [LEASE, PERMANENT]


def test_refusals_are_told_apart() -> None:
    assert open_port(RecordingDevice(None, "ConflictInMappingEntry"), OWN, 443) == (PortState.TAKEN, False)
    assert open_port(RecordingDevice(None, "Action Failed"), OWN, 443) == (PortState.REFUSED, True)
    assert open_port(RecordingDevice(None, "Action not authorized"), OWN, 443) == (PortState.REFUSED, False)


def test_a_yes_that_changes_nothing_is_noticed() -> None:
    class Sly(RecordingDevice):
        def addportmapping(self, *words: object) -> bool:
            self.entry = theirs()
            return True

    assert open_port(Sly(), OWN, 443) == (PortState.TAKEN, False)
    # Some routers tell nobody what they have mapped.
    assert open_port(RecordingDevice(deaf=True), OWN, 443) == (PortState.MAPPED, False)


def test_what_led_to_our_former_address_is_ours() -> None:
    device = RecordingDevice(theirs(FORMER, about="porchlight"))
    assert open_port(device, OWN, 443, FORMER) == (PortState.MAPPED, False)
    assert device.deleted == [443]
    # Not so what somebody else at that address has mapped.
    device = RecordingDevice(theirs(FORMER))
    assert open_port(device, OWN, 443, FORMER) == (PortState.TAKEN, False)
    assert not device.deleted
    # And a router may refuse.
    device = RecordingDevice(theirs(FORMER, about="porchlight"), "Action not authorized")
    assert open_port(device, OWN, 443, FORMER) == (PortState.TAKEN, False)


def test_only_ours_is_closed() -> None:
    device = RecordingDevice(theirs())
    assert close_port(device, OWN, 443)
    assert not device.deleted
    device = RecordingDevice((OWN, 443, "porchlight", True, 10))
    assert close_port(device, OWN, 443)
    assert device.deleted == [443]
    device = RecordingDevice((OWN, 443, "porchlight", True, 10), "Action not authorized")
    assert not close_port(device, OWN, 443)
