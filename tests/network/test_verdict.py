"""From facts to the verdict, and its words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.advice import TABLE, Place, advice, by_hand
from appliance.network.verdict import Facts, PortState, Verdict, verdict_of

PUBLIC, OTHER = "80.100.100.1", "80.100.100.2"
MAPPED = {443: PortState.MAPPED, 587: PortState.MAPPED}
REFUSED = {443: PortState.REFUSED, 587: PortState.REFUSED}
HOME = Facts(own="192.168.1.20", outer=PUBLIC, seen=PUBLIC, ports=MAPPED)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (HOME, Verdict.MAPPED),
        (replace(HOME, wanted=False), Verdict.OFF),
        (replace(HOME, finished=False), Verdict.LOOKING),
        (replace(HOME, own=""), Verdict.LOOKING),
        (replace(HOME, own="", global_ipv6=True, finished=False), Verdict.IPV6_ONLY),
        # Then nobody has to be asked.
        (replace(HOME, own=OTHER, finished=False), Verdict.OPEN),
        (replace(HOME, ports={}, finished=False), Verdict.OPEN),
        (replace(HOME, seen=""), Verdict.MAPPED),
        (replace(HOME, outer=""), Verdict.MAPPED),
        # Carrier-grade NAT, by the router's own address or by the one that the outside sees.
        (replace(HOME, outer="100.64.0.2"), Verdict.CGNAT),
        (replace(HOME, outer="100.127.255.254", seen=""), Verdict.CGNAT),
        (replace(HOME, outer="192.0.0.2"), Verdict.CGNAT),
        (replace(HOME, seen=OTHER), Verdict.CGNAT),
        (replace(HOME, outer="100.63.0.1", seen="100.63.0.1"), Verdict.MAPPED),
        # Another router.
        (replace(HOME, outer="192.168.0.2"), Verdict.DOUBLE_NAT),
        (replace(HOME, outer="10.1.2.3"), Verdict.DOUBLE_NAT),
        (replace(HOME, outer="172.31.0.1"), Verdict.DOUBLE_NAT),
        (replace(HOME, outer="172.32.0.1", seen=""), Verdict.MAPPED),
        # A router that refuses without saying why: the next one tells.
        (replace(HOME, outer="", ports=REFUSED, no_outer=True, beyond="100.64.0.1"), Verdict.CGNAT),
        (replace(HOME, outer="", ports=REFUSED, no_outer=True, beyond="192.168.0.1"), Verdict.DOUBLE_NAT),
        (replace(HOME, outer="", ports=REFUSED, no_outer=True, beyond=OTHER), Verdict.NO_ANSWER),
        (replace(HOME, outer="", ports=REFUSED, no_outer=True), Verdict.NO_ANSWER),
        # By itself the next router's address proves nothing.
        (replace(HOME, beyond="10.0.0.1"), Verdict.MAPPED),
        (replace(HOME, outer="", ports=REFUSED, beyond="100.64.0.1"), Verdict.NO_ANSWER),
        (replace(HOME, ports={**MAPPED, 443: PortState.TAKEN}), Verdict.PORT_TAKEN),
        (replace(HOME, outer="192.168.0.2", ports={443: PortState.TAKEN}), Verdict.DOUBLE_NAT),
        (replace(HOME, ports={**MAPPED, 587: PortState.REFUSED}), Verdict.NO_ANSWER),
        (replace(HOME, ports={443: PortState.ASKING}), Verdict.NO_ANSWER),
    ],
)
def test_verdict(facts: Facts, verdict: Verdict) -> None:
    assert verdict_of(facts) is verdict


ADDRESSES = st.just("") | st.ip_addresses(v=4).map(str)


@given(
    st.builds(
        Facts,
        wanted=st.booleans(),
        finished=st.booleans(),
        own=ADDRESSES,
        global_ipv6=st.booleans(),
        outer=ADDRESSES,
        seen=ADDRESSES,
        beyond=ADDRESSES,
        no_outer=st.booleans(),
        ports=st.dictionaries(st.sampled_from((443, 587)), st.sampled_from(PortState)),
    )
)
def test_any_facts_have_a_verdict(facts: Facts) -> None:
    verdict = verdict_of(facts)
    assert isinstance(verdict, Verdict)
    if verdict is Verdict.MAPPED:
        assert set(facts.ports.values()) == {PortState.MAPPED}


PLACE = Place("192.168.1.20", "192.168.1.1", "http://192.168.1.1/", "192.168.0.2", PUBLIC, (443, 587), (443,))


def test_each_verdict_has_words() -> None:
    assert set(TABLE) == set(Verdict)
    for verdict in Verdict:
        for place in (PLACE, Place("", "")):
            said = advice(verdict, place)
            for sentence in (said.title, said.means, said.todo, *said.steps):
                assert sentence
                assert "%(" not in sentence


def test_the_way_by_hand_names_addresses_and_ports() -> None:
    steps = " ".join(by_hand(PLACE))
    assert "http://192.168.1.1/" in steps
    assert "443, 587" in steps
    assert "192.168.1.20" in steps
    assert "8199" in steps
    assert "192.168.1.1" in " ".join(by_hand(replace(PLACE, gateway_page="")))


@pytest.mark.parametrize("verdict", [Verdict.OFF, Verdict.DOUBLE_NAT, Verdict.PORT_TAKEN, Verdict.NO_ANSWER])
def test_where_a_hand_can_help_the_steps_stand(verdict: Verdict) -> None:
    assert advice(verdict, PLACE).steps == by_hand(PLACE)
