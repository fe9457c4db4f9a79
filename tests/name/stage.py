"""A small Internet for inadyn: every provider's server is this machine, with a certificate that inadyn trusts.

Run as a program in a mount and network namespace of its own (``see``). The names of /etc/hosts and the trusted
authorities are replaced there, so that inadyn's own plugins speak to it without knowing.
"""

import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Inside the namespace everything is loopback; outside nobody has this address.
OUTER = "80.100.100.1"
ANSWER = f"good OK addresses updated {OUTER}"
# Until one that hangs is ended; a round takes less than one.
SECONDS = 120


@dataclass(frozen=True)
class Request:
    """What was asked of a server.

    Args:
        safe: whether it came by HTTPS.
        host: of the server that it was for.
        path: with its query.
        authorization: that header.
    """

    safe: bool
    host: str
    path: str
    authorization: str


def see(configurations: list[str], hosts: list[str], freedns: str) -> list[tuple[list[Request], str]]:
    """Run inadyn once with each configuration; what it asked for, and what it said.

    Args:
        configurations: what ``configuration.render`` makes.
        hosts: names that shall lead here, beside those that inadyn lists as its own.
        freedns: the name that FreeDNS knows.
    """
    given = json.dumps({"configurations": configurations, "hosts": hosts, "freedns": freedns})
    command = ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, "-m", "tests.name.stage"]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    return [([Request(**one) for one in requests], said) for requests, said in json.loads(done.stdout)]


def _main() -> None:
    given = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _certify(folder, given["hosts"])
        (folder / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in ["localhost", *given["hosts"]]))
        _mount(folder / "hosts", "/etc/hosts")
        _mount(folder / "certificate.pem", "/etc/ssl/certs/ca-certificates.crt")
        requests: list[Request] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        for port, safe in ((80, False), (443, True)):
            server = ThreadingHTTPServer(("127.0.0.1", port), _handler(requests, safe, given["freedns"]))
            if safe:
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        seen = []
        for configuration in given["configurations"]:
            file = folder / "inadyn.conf"
            file.write_text(configuration)
            command = ["inadyn", "--once", "--foreground", "--no-pidfile", "-l", "none", f"--config={file}"]
            command.append(f"--cache-dir={tempfile.mkdtemp(dir=folder)}")
            environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
            done = subprocess.run(
                command, stderr=subprocess.PIPE, text=True, timeout=SECONDS, env=environment, check=False
            )
            seen.append(([asdict(one) for one in requests], done.stderr))
            requests.clear()
    json.dump(seen, sys.stdout)


def _certify(folder: Path, hosts: list[str]) -> None:
    names = ",".join(f"DNS:{host}" for host in hosts)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"), "-days", "2"]
    command += ["-subj", "/CN=stage", "-addext", f"subjectAltName={names}"]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)


def _mount(source: Path, target: str) -> None:
    subprocess.run(["mount", "--bind", str(source), target], check=True)


def _handler(requests: list[Request], safe: bool, freedns: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = re.sub(r":\d+$", "", self.headers.get("Host", ""))
            requests.append(Request(safe, host, self.path, self.headers.get("Authorization", "")))
            answer = ANSWER
            if self.path.startswith("/api/?action=getdyndns"):
                answer = f"{freedns}|{OUTER}|https://freedns.afraid.org/dynamic/update.php?A1B2"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer.encode())

        do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


if __name__ == "__main__":
    _main()
