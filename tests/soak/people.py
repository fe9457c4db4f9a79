"""What people, browsers, scanners and mischief-makers do with a card: each once, and gone again.

Many of them say somebody's address themselves, in headers, requests and names, where a careless program would log it.
"""

import random
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode

from appliance.relay.proxy_header import Ends, build
from appliance.relay.stream import RESET_ON_CLOSE
from tests.relay.mutation import mutations
from tests.relay.running import read_to_end
from tests.relay.test_fuzz_rules import GREETINGS, HEADERS, REQUESTS, VERSIONS, first_flight
from tests.relay.test_wire import HELLO, any_certificate
from tests.soak.village import BALANCER, HOME, OUTSIDE, OUTSIDE_SIX, PAGE_PORT, RELAY, ROUTER, TOLD, Village

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
# Pages that the owner looks at.
LOOKED_AT = ("/", "/share", "/settings", "/name", "/open", "/seen", "/status.json", "/metrics", "/login")
CHAT_PORTS, MEDIA_PORTS = (5222, 80), (587, 7777)


class People:
    """Everybody.

    Args:
        village: where they live.
        seed: of what they do.
    """

    def __init__(self, village: Village, seed: int) -> None:
        self._village = village
        self._chance = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()
        self._cookie = ""
        self._flights = [first_flight(version) for version in VERSIONS]
        self.seen: set[str] = set()
        # Who was answered by WhatsApp's part, every byte of it.
        self.answered = 0
        self.done: dict[str, int] = {}
        self.ways: tuple[tuple[Callable[[], None], int], ...] = (
            (self.chat, 8),
            (self.chat_in_tls, 4),
            (self.media, 4),
            (self.behind_a_balancer, 4),
            (self.browse, 3),
            (self.break_off, 6),
            (self.probe, 6),
            (self.lie_about_who_they_are, 4),
            (self.visit_the_page, 4),
            (self.attack_the_page, 4),
            (self.own, 2),
            (self.reach_for_the_page, 2),
        )

    def act(self) -> None:
        """One of them does something."""
        (way,) = self._chance.choices([way for way, _ in self.ways], [often for _, often in self.ways])
        with self._lock:
            self.done[way.__name__] = self.done.get(way.__name__, 0) + 1
        way()

    # ---- who

    def _note(self, address: str) -> str:
        with self._lock:
            self.seen.add(address)
        return address

    def _stranger(self) -> str:
        if self._chance.random() < 0.3:
            return self._note(f"{OUTSIDE_SIX}:{self._chance.randrange(1, 65536):x}")
        return self._note(f"{self._chance.choice(OUTSIDE)}.{self._chance.randrange(1, 255)}")

    def _neighbour(self) -> str:
        return self._note(f"{HOME}.{self._chance.randrange(65, 127)}")

    def _somebody(self) -> str:
        return self._stranger() if self._chance.random() < 0.8 else self._neighbour()

    def _told_of(self) -> str:
        return self._note(f"{TOLD}.{self._chance.randrange(1, 255)}")

    # ---- the relay's people

    def chat(self) -> None:
        self._exchange(self._somebody(), self._chance.choice(CHAT_PORTS), b"")

    def media(self) -> None:
        self._exchange(self._somebody(), self._chance.choice(MEDIA_PORTS), b"", hello=self._flights[0])

    def behind_a_balancer(self) -> None:
        ends = Ends(self._told_of(), RELAY, self._chance.randrange(1024, 65536), 443)
        self._exchange(self._somebody(), BALANCER, build(self._chance.choice(("v1", "v2")), ends))

    def _exchange(self, who: str, port: int, header: bytes, hello: bytes = HELLO) -> None:
        """Talk with the upstream, byte for byte; it says what it heard, with the relay's own header before it."""
        with self._village.connect(who, port) as connection:
            said = hello + self._chance.randbytes(self._chance.choice((10, 1000, 50_000)))
            connection.sendall(header + said)
            heard = b""
            with suppress(ConnectionError, TimeoutError):
                while not heard.endswith(said[-10:]):
                    more = connection.recv(1 << 16)
                    if not more:
                        break
                    heard += more
            # Without an upstream nobody is heard; but nobody hears half, or something else.
            assert said.startswith(heard) or heard.endswith(said), "other bytes came back than were sent"
            with self._lock:
                self.answered += heard.endswith(said)

    def chat_in_tls(self) -> None:
        with self._village.connect(self._somebody(), 443) as plain:
            try:
                with any_certificate().wrap_socket(plain, server_hostname="example.org") as connection:
                    connection.sendall(HELLO + b"hello")
                    connection.recv(1 << 16)
            except (ssl.SSLError, ConnectionError):
                return

    def browse(self) -> None:
        host, who = self._told_of(), self._somebody()
        request = f"GET /{host}?from={who} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {who}\r\n\r\n".encode()
        with self._village.connect(who, 80) as connection, suppress(ConnectionError):
            connection.sendall(request)
            assert read_to_end(connection).startswith(b"HTTP/1.1 ")

    # ---- and those who are none

    def break_off(self) -> None:
        """In the middle of anything."""
        starts = [b"", HELLO, HELLO + bytes(1 << 18), self._flights[1][:100], self._flights[1], b"GET / HT"]
        port = self._chance.choice((443, *CHAT_PORTS, *MEDIA_PORTS, BALANCER))
        with self._village.connect(self._stranger(), port) as connection, suppress(OSError):
            connection.settimeout(1)
            if self._chance.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.sendall(self._chance.choice(starts))

    def probe(self) -> None:
        seeds = [*GREETINGS, *REQUESTS, *self._flights, *HEADERS, b"SSH-2.0-x\r\n"]
        (data,) = mutations(seeds, 1, seed=self._chance.randrange(1 << 30))
        port = self._chance.choice((443, *CHAT_PORTS, *MEDIA_PORTS, BALANCER))
        with self._village.connect(self._stranger(), port) as connection, suppress(OSError):
            connection.sendall(data)
            connection.settimeout(0.2)
            connection.recv(4096)

    def lie_about_who_they_are(self) -> None:
        """Broken PROXY headers with somebody's address in them."""
        told = self._told_of()
        lines = (
            f"PROXY TCP4 {told} nowhere 1 2\r\n",
            f"PROXY TCP4 {told} {told} 99999 443\r\n",
            f"PROXY UNKNOWN {told}\r\n",
            f"PROXY TCP6 {told} {told} 1 2\r\n",
            f"X-Real-IP: {told}\r\n",
        )
        with self._village.connect(self._stranger(), BALANCER) as connection, suppress(OSError):
            connection.sendall(self._chance.choice(lines).encode())
            connection.settimeout(0.2)
            connection.recv(4096)

    # ---- the page

    def _ask(self, who: str, method: str, path: str, body: str = "", **headers: str) -> str:
        host = f"{RELAY}:{PAGE_PORT}"
        lines = {"Host": host, "Origin": f"http://{host}", "Content-Length": str(len(body)), **headers}
        if body:
            lines.setdefault("Content-Type", "application/x-www-form-urlencoded")
        text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            with self._village.connect(who, PAGE_PORT) as connection:
                connection.sendall((text + "\r\n" + body).encode())
                answer = read_to_end(connection).decode("latin-1")
        except ConnectionError:
            # Too many at a time: the page lets the oldest go.
            return ""
        assert " 500 " not in answer.partition("\r\n")[0], answer
        return answer

    def visit_the_page(self) -> None:
        who = self._neighbour()
        forwarded = {"X-Forwarded-For": self._told_of(), "Forwarded": f"for={self._told_of()}"}
        self._ask(who, "GET", self._chance.choice(LOOKED_AT), **forwarded)

    def attack_the_page(self) -> None:
        who = self._neighbour()
        headers = {"Host": who, "Origin": f"http://{who}", "Cookie": f"porchlight={who}", "Referer": f"http://{who}/"}
        some = dict(self._chance.sample(sorted(headers.items()), self._chance.randrange(1, 5)))
        fields = urlencode({"csrf_token": who, "password": who, "code": who, "domain": who})
        method = self._chance.choice(("GET", "POST", "PUT", who))
        path = self._chance.choice((*LOOKED_AT, f"/{who}", f"/static/{who}", "/claim", "/language"))
        self._ask(who, method, path, fields if method == "POST" else "", **some)

    def reach_for_the_page(self) -> None:
        """From outside, or through a router that hides who asks: not one byte."""
        who = self._chance.choice((self._stranger(), ROUTER))
        if ":" in who:
            return
        assert self._ask(who, "GET", "/") == ""

    def claim(self, code: str) -> None:
        """The owner takes the card."""
        page = self._ask(self._neighbour(), "GET", "/claim")
        cookie = self._cookie_of(page)
        found = TOKEN.search(page)
        assert found, page
        fields = {"csrf_token": found[1], "code": code, "password": PASSWORD, "again": PASSWORD}
        answer = self._ask(self._neighbour(), "POST", "/claim", urlencode(fields), Cookie=cookie)
        assert " 303 " in answer.partition("\r\n")[0], answer
        self._cookie = self._cookie_of(answer)

    def own(self) -> None:
        """The owner looks around, and saves a name."""
        who = self._neighbour()
        path = self._chance.choice((*LOOKED_AT, "/name/own", "/name/own", "/settings/backup", "/report.txt"))
        page = self._ask(who, "GET", path, Cookie=self._cookie)
        found = TOKEN.search(page)
        if path == "/name/own" and found:
            fields = {"csrf_token": found[1], "domain": f"relay{self._chance.randrange(100)}.example.org"}
            self._ask(who, "POST", path, urlencode(fields), Cookie=self._cookie)

    @staticmethod
    def _cookie_of(answer: str) -> str:
        found = re.search(r"(?i)^set-cookie: (porchlight=[^;]+)", answer, re.MULTILINE)
        assert found, answer[:500]
        return found[1]
