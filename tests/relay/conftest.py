"""One relay and one upstream for each module that asks for them; a relay of its own for a test that changes it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.relay import own_certificate
from tests.relay.running import Launch, Relay, Upstream, close_kept, free_ports

StartRelay = Callable[..., Relay]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A recording upstream."""
    found = Upstream(free_ports(40)[-1])
    yield found
    found.end()
    close_kept()


@pytest.fixture(scope="session")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate made once, as on the card: most tests begin with the second start."""
    folder = tmp_path_factory.mktemp("certificate")
    own_certificate.make(folder)
    return folder / "certificate.pem"


@pytest.fixture
def start_relay(tmp_path: Path, upstream: Upstream, certificate_file: Path) -> Iterator[StartRelay]:
    """Starts relays in front of ``upstream``; ends them, and checks that none of them said anything went wrong."""
    started: list[Relay] = []

    def start(
        *,
        fresh: bool = False,
        upstreams: dict[str, object] | None = None,
        launch: Launch | None = None,
        **settings: object,
    ) -> Relay:
        relay = Relay(tmp_path / f"relay{len(started)}", upstream, **settings)
        relay.launch = launch or relay.launch
        relay.upstreams.update(upstreams or {})
        if not fresh:
            (relay.folder / "state/relay").mkdir(parents=True)
            shutil.copy(certificate_file, relay.folder / "state/relay")
        started.append(relay)
        return relay.start()

    yield start
    close_kept()
    for relay in started:
        relay.stop()
        assert "Traceback" not in relay.log
        assert "mistake in porchlight" not in relay.log
