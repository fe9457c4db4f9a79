"""A setup page in a process of its own on loopback, and a visitor who keeps cookies and fills in forms."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from appliance.claim import read_claim
from appliance.paths import Paths

PASSWORD = "correct horse battery"
# Seconds for anything that a busy machine may delay.
PATIENCE = 60.0


@dataclass(slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def text(self) -> str:
        """What somebody reads: without tags, spaces as one."""
        return " ".join(unescape(re.sub(r"(?s)<head.*?</head>|<wbr>|<[^>]+>", " ", self.body)).split())


@dataclass(slots=True)
class Visitor:
    """One browser; by default it behaves."""

    port: int
    host: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if body is not None:
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://{self.host}:{self.port}",
            }
        sent |= headers or {}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, response.headers, text)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers=headers)

    def token(self, page: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).body)
        assert found, f"{page} has no form"
        return found.group(1)

    def post(self, path: str, page: str | None = None, /, **values: str) -> Answer:
        """Fill in the form on a page, its own by default, and send it."""
        return self.ask("POST", path, urlencode({"csrf_token": self.token(page or path), **values}))

    def claim(self, paths: Paths, password: str = PASSWORD) -> Answer:
        return self.post("/claim", code=code_of(paths), password=password, again=password)

    def login(self, password: str = PASSWORD) -> Answer:
        return self.post("/login", password=password)


@dataclass(slots=True)
class Page:
    """A running setup page."""

    paths: Paths
    port: int
    process: "subprocess.Popen[str]"
    log: Path

    def visitor(self) -> Visitor:
        return Visitor(self.port)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def code_of(paths: Paths) -> str:
    known = read_claim(paths)
    assert known is not None
    return known.code


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    for folder in (found.relay_status.parent, found.lights_status.parent):
        folder.mkdir(parents=True)
    found.owner_file.touch()
    return found


@pytest.fixture
def start(paths: Paths, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Start a page; the test may name its port and further options."""
    started: list[Page] = []

    def launch(*options: str, port: int | None = None, ready: bool = True) -> Page:
        port = port or free_port()
        log = tmp_path / f"page-{len(started)}.log"
        places = ["--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)]
        command = [sys.executable, "-W", "error", "-m", "appliance", "page", *places, "--port", str(port), *options]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
        page = Page(paths, port, process, log)
        started.append(page)
        if ready:
            wait_until(lambda: answers(port) or process.poll() is not None, "the page answers")
            assert process.poll() is None, log.read_text()
        return page

    yield launch
    for page in started:
        if page.process.poll() is None:
            page.stop()


@pytest.fixture
def page(start: Callable[..., Page]) -> Page:
    return start("--listen", "127.0.0.1")


@pytest.fixture
def owner(page: Page) -> Visitor:
    """A visitor who has claimed the card."""
    visitor = page.visitor()
    assert visitor.claim(page.paths).status == 303
    return visitor
