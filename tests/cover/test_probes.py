"""docs/cover.md: each row's probe is sent to the relay and to nginx, and "like nginx" has to be true, or untrue."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from appliance.relay import own_certificate
from appliance.relay.site import Page
from tests.browser.chromium import CHROMIUM, OPTIONS
from tests.cover import stopwatch
from tests.cover.asked import HOST
from tests.cover.inside import ASKING, OPEN_AFTER, ending, undated
from tests.cover.probes import PROBES, Seen, Server, exchange
from tests.cover.release import inside
from tests.cover.stock import Stock
from tests.relay.running import PATIENCE, Relay, Upstream, close_kept, free_ports, swallow

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

DOCUMENT = Path(__file__).parents[2] / "docs/cover.md"
ROW = re.compile(r"^\| `([a-z0-9.-]+)` \| [^|]+ \| (yes|no) \| (yes|no) \| [^|]+ \|$", re.MULTILINE)
# By row: whether it is like nginx, and whether it shows what has become of the upstream.
SAID = {name: (like == "yes", shows == "yes") for name, like, shows in ROW.findall(DOCUMENT.read_text("utf-8"))}
# Rows whose reaction is timed: all but those that stopwatch.py says why not.
TIMED = (*stopwatch.LATE, *stopwatch.PROMPT)
# What docs/cover.md has a row of its own for, and what differs from one second to the next.
DIFFERING = ("connection", "date")
# So many probes at once: most of them wait.
AT_ONCE = 12


@pytest.fixture(scope="module")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    own_certificate.make(folder)
    return folder / own_certificate.FILE


def start(
    folder: Path,
    upstream: Upstream | None,
    certificate_file: Path,
    *,
    upstreams: dict[str, list[str]] | None = None,
    enabled: bool = True,
) -> Relay:
    relay = Relay(folder, upstream, enabled=enabled)
    relay.upstreams.update(upstreams or {})
    relay.program = inside(folder, "python3", "-m", "appliance", "relay")
    (folder / "state/relay").mkdir(parents=True)
    shutil.copy(certificate_file, folder / "state/relay")
    return relay.start()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Relay]:
    upstream = Upstream(free_ports(40)[-1])
    found = start(tmp_path_factory.mktemp("cover") / "relay", upstream, certificate_file)
    yield found
    found.stop()
    upstream.stop()
    close_kept()


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, relay: Relay) -> Iterator[Relay]:
    """A relay whose upstream refuses each connection."""
    found = start(tmp_path_factory.mktemp("refused") / "relay", None, certificate_file)
    assert found.status["upstreams"]["chat"]["reachable"] is False
    yield found
    found.stop()


@pytest.fixture(scope="module")
def swallowed(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, refused: Relay) -> Iterator[Relay]:
    """A relay whose upstream swallows each attempt."""
    port = swallow().getsockname()[1]
    everywhere = {group: [f"127.0.0.1:{port}"] for group in ("chat", "http", "media")}
    found = start(tmp_path_factory.mktemp("swallowed") / "relay", None, certificate_file, upstreams=everywhere)
    assert found.status["upstreams"]["chat"]["reachable"] is False
    yield found
    found.stop()


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, swallowed: Relay) -> Iterator[Relay]:
    """A relay that its owner has switched off; its upstream would serve."""
    upstream = Upstream(free_ports(44)[-1])
    found = start(tmp_path_factory.mktemp("resting") / "relay", upstream, certificate_file, enabled=False)
    assert found.status["resting"] == "off"
    yield found
    found.stop()
    upstream.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        # A Host that leads nobody at home to the setup page.
        options = [*OPTIONS, "--no-proxy-server", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        found = started.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield found
        found.close()


@pytest.fixture(scope="module")
def reactions(
    relay: Relay, refused: Relay, swallowed: Relay, resting: Relay
) -> Iterator[Callable[[str], list[object]]]:
    """What comes of each row's probe until the end: from the relay, and from those that can relay nothing."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {
            name: [pool.submit(probe, server(one)) for one in (relay, refused, swallowed, resting)]
            for name, probe in PROBES.items()
        }
        yield lambda name: [one.result() for one in found[name]]


def server(relay: Relay, *, beside_nginx: bool = False) -> Server:
    return Server(relay.chat, relay.tls, relay.media, beside_nginx)


def page_of(relay: Relay) -> Page:
    """What this very card shows, as whoever comes gets it."""
    head, _, body = exchange(relay.chat, ASKING, OPEN_AFTER).data.partition(b"\r\n\r\n")
    date = re.search(rb"\r\nLast-Modified: ([^\r]+)", head)
    assert date
    return Page(body, "text/html", int(parsedate_to_datetime(date[1].decode("ascii")).timestamp()))


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, relay: Relay) -> Iterator[Stock]:
    found = Stock(tmp_path_factory.mktemp("stock") / "nginx", certificate_file, page_of(relay))
    yield found
    found.stop()


def test_the_table_and_the_probes_have_the_same_rows() -> None:
    assert sorted(SAID) == sorted(PROBES)


def test_each_row_is_timed_or_named_as_one_that_is_not() -> None:
    assert sorted([*TIMED, *stopwatch.UNTIMED]) == sorted(PROBES)
    untimed = re.search(r"All rows but eight \(([^)]+)\)", DOCUMENT.read_text("utf-8"))
    assert untimed
    assert sorted(re.findall(r"`([a-z-]+)`", untimed[1])) == sorted(stopwatch.UNTIMED)


@pytest.mark.parametrize("name", PROBES)
def test_what_comes_is_as_the_table_says(
    name: str, relay: Relay, stock: Stock, reactions: Callable[[str], list[object]]
) -> None:
    up, refused, swallowed, resting = reactions(name)
    # Where it shows that there is none, it does not show what has become of it, nor that the owner wants it so.
    assert refused == swallowed == resting
    ours = PROBES[name](server(relay, beside_nginx=True))
    theirs = PROBES[name](Server(stock.plain, stock.tls, stock.tls, beside_nginx=True))
    like_nginx, upstream_shows = SAID[name]
    assert (ours == theirs) is like_nginx, (ours, theirs)
    # Neither the bytes, nor the end, nor its time.
    assert (up == refused == swallowed) is not upstream_shows, (up, refused, swallowed)


@pytest.mark.parametrize("name", [name for name, (_, shows) in SAID.items() if shows])
def test_an_upstream_that_is_of_no_use_ends_what_is_passed_on(
    name: str, reactions: Callable[[str], list[object]]
) -> None:
    found = [(one.data, one.end) if isinstance(one, Seen) else one for one in reactions(name)]
    # In TLS it is said, as the reference does; without, there is nothing to say it with.
    end = "close_notify" if name == "chat-in-tls" else "end"
    assert found == [(b"", "open"), *[(b"", f"{end} after 4.5 s")] * 3]


@pytest.fixture(scope="module")
def times(relay: Relay, refused: Relay, swallowed: Relay, resting: Relay) -> dict[str, stopwatch.Times]:
    """How long the reactions take: of relays that must not differ."""
    useless = {"refused": server(refused), "swallowed": server(swallowed), "resting": server(resting)}
    every = {"up": server(relay), **useless}
    return stopwatch.measured({name: useless if SAID[name][1] else every for name in TIMED})


@pytest.mark.parametrize("name", TIMED)
def test_no_clock_tells_what_has_become_of_the_upstream(name: str, times: dict[str, stopwatch.Times]) -> None:
    stopwatch.note(name, times[name])
    assert stopwatch.apart(times[name]) < stopwatch.allowed(name), times[name]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_gets_what_it_gets_of_nginx(scheme: str, relay: Relay, stock: Stock) -> None:
    def got(port: int) -> bytes:
        about = "\n%{http_version} %{response_code} %{num_certs} %{ssl_verify_result}"
        command = [
            "curl",
            "-sSki",
            "--noproxy",
            "*",
            "-w",
            about,
            "-H",
            f"Host: {HOST}",
            f"{scheme}://127.0.0.1:{port}/",
        ]
        return ending(undated(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout))

    ours, theirs = (got(one.tls if scheme == "https" else one.plain) for one in (server(relay), stock))
    assert ours.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ours == theirs


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_browser_shows_what_it_shows_of_nginx(scheme: str, browser: Browser, relay: Relay, stock: Stock) -> None:
    def shown(port: int) -> dict[str, object]:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        trouble: list[str] = []
        page.on("console", lambda one: trouble.append(re.sub(r":\d+", "", one.text)))
        response = page.goto(f"{scheme}://{HOST}:{port}/", wait_until="networkidle")
        assert response
        found: dict[str, object] = {
            "status": (response.status, response.status_text),
            "headers": {name: value for name, value in response.all_headers().items() if name not in DIFFERING},
            "security": response.security_details(),
            "page": (page.title(), page.content(), page.screenshot(full_page=True)),
            "trouble": trouble,
        }
        context.close()
        return found

    ours, theirs = (shown(one.tls if scheme == "https" else one.plain) for one in (server(relay), stock))
    assert ours["status"] == (200, "OK")
    assert ours == theirs
