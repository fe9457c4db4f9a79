"""Which ports may ever be opened in the router."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.relay.ports import ports_of
from appliance.router.rule import Wish, further, may_open, wish_of
from appliance.settings.declared import PageSettings, RelaySettings, RouterSettings, Settings

PORTS = st.integers(1, 65535)
# Few numbers, so that the lists often name the same ones.
FEW = st.sampled_from((80, 443, 587, 5222, 7777, 8080, 8199, 8443, 9000))
LISTS = st.lists(FEW, unique=True, max_size=6).map(tuple)


def settings(also: tuple[int, ...] = (), *, page: int = 8199, **relay: object) -> Settings:
    return Settings(
        relay=replace(RelaySettings(), **relay),  # type: ignore[arg-type]
        router=RouterSettings(open_ports=True, also=also),
        page=PageSettings(port=page),
    )


def test_nothing_before_the_owner_says_so() -> None:
    assert wish_of(Settings()) == Wish()
    assert wish_of(Settings(router=RouterSettings(also=(5222, 8199)))) == Wish()


def test_chat_and_media_and_nothing_else() -> None:
    assert wish_of(settings()) == Wish((443, 587))


def test_further_ports_only_where_the_relay_listens() -> None:
    assert wish_of(settings((5222, 22, 443))) == Wish((443, 587, 5222), (22,))


def test_what_the_page_offers_beside_them() -> None:
    assert [one.number for one in further(settings())] == [5222, 80, 7777]
    assert [one.number for one in further(settings(balancer_ports=(7777, 9000), chat_ports=(80, 8199)))] == [80]


def test_a_port_on_which_the_relay_does_not_listen_is_left_out() -> None:
    assert wish_of(settings(chat_tls_port=0)) == Wish((587,))
    assert wish_of(settings(media_ports=(7777,))) == Wish((443,))


def test_a_balancer_s_port_stays_shut_whatever_else_it_carries() -> None:
    assert wish_of(settings((9000,), balancer_ports=(9000, 443))) == Wish((587,), (9000,))


def test_the_page_s_port_stays_shut_wherever_it_has_moved_to() -> None:
    moved = settings((8199, 5222), page=5222, chat_ports=(5222, 8199))
    assert wish_of(moved) == Wish((443, 587), (8199, 5222))


@given(also=LISTS, page=FEW, chat_tls=FEW | st.just(0), chat=LISTS, media=LISTS, balancer=LISTS)
def test_whatever_the_settings_say(
    also: tuple[int, ...],
    page: int,
    chat_tls: int,
    chat: tuple[int, ...],
    media: tuple[int, ...],
    balancer: tuple[int, ...],
) -> None:
    found = settings(
        also, page=page, chat_tls_port=chat_tls, chat_ports=chat, media_ports=media, balancer_ports=balancer
    )
    wish = wish_of(found)
    assert not {8199, page, *balancer} & set(wish.ports)
    assert set(wish.ports) <= {one.number for one in ports_of(found.relay)}
    assert set(wish.ports) <= {443, 587, *also}
    assert set(wish.refused) == set(also) - set(wish.ports)
    assert len(set(wish.ports)) == len(wish.ports)


@given(PORTS)
def test_no_other_port_may_be_opened(port: int) -> None:
    assert may_open(port, Settings()) == (port in (443, 5222, 80, 587, 7777))
