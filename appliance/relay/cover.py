"""What a browser sees: an ordinary small web page; from the home network, the way to the setup page. No I/O."""

from email.utils import formatdate

# A request longer than this before its empty line is no browser's. Bytes.
LONGEST_REQUEST = 8 * 1024

PAGE = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Welcome</title></head>
<body><h1>Welcome</h1><p>This site is being set up. Please come back later.</p></body>
</html>
"""


def is_complete(request: bytes) -> bool:
    """Whether the request's header has ended, or never will within bounds."""
    return b"\r\n\r\n" in request or b"\n\n" in request or len(request) >= LONGEST_REQUEST


def host_of(request: bytes) -> str:
    """The Host that a request names, without its port; empty when there is none that can be trusted in a header."""
    for line in request.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"host":
            text = value.strip().decode("ascii", "replace").lower()
            host = text[: text.index("]") + 1] if text.startswith("[") and "]" in text else text.partition(":")[0]
            return host if host and all(one.isalnum() or one in ".-[]:" for one in host) and host.isascii() else ""
    return ""


def answer(request: bytes, setup_page: str | None) -> bytes:
    """The whole HTTP answer to a request.

    Args:
        request: the request's header, as far as it came.
        setup_page: where the setup page is, for somebody on the home network; None for everybody else.
    """
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0]
    headers = [f"Date: {formatdate(usegmt=True)}", "Connection: close"]
    if setup_page is not None:
        status, body = "302 Found", b""
        headers += [f"Location: {setup_page}", "Cache-Control: no-store"]
    elif method not in (b"GET", b"HEAD"):
        status, body = "405 Method Not Allowed", b""
        headers.append("Allow: GET, HEAD")
    elif path in (b"/", b"/index.html"):
        status, body = "200 OK", PAGE
        headers.append("Content-Type: text/html; charset=utf-8")
    else:
        status, body = "404 Not Found", b"<!doctype html><title>Not found</title><h1>Not found</h1>\n"
        headers.append("Content-Type: text/html; charset=utf-8")
    headers.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("ascii")
    return head if method == b"HEAD" else head + body
