"""What a prober asks by HTTP, by the names in docs/cover.md's table; line ends are made right when it is sent."""

# A Host that no browser sends: whoever is at home, as everybody on loopback is, would else be led to the setup page.
HOST = "a_b"
# To a browser of this kind nginx sends a longer error.
CHROME = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
# On port 80.
PLAIN = {
    "page": f"GET / HTTP/1.1\nHost: {HOST}\nConnection: close\n\n",
    "head": f"HEAD / HTTP/1.1\nHost: {HOST}\nConnection: close\n\n",
    "http-1.0": "GET / HTTP/1.0\n\n",
    "page-behind-empty-lines": "\n\nGET / HTTP/1.0\n\n",
    "page-by-http-0.9": "GET /\n",
    "nowhere-by-http-0.9": "GET /nowhere\n",
    "nowhere": f"GET /nowhere HTTP/1.1\nHost: {HOST}\nConnection: close\n\n",
    "bad-method": f"DELETE / HTTP/1.1\nHost: {HOST}\nConnection: close\n\n",
    "unknown-method": f"PROPFIND / HTTP/1.1\nHost: {HOST}\nConnection: close\n\n",
    "method-in-small-letters": f"get / HTTP/1.1\nHost: {HOST}\n\n",
    "bad-host": "GET / HTTP/1.1\nHost: a..b\n\n",
    "field-without-colon": f"GET / HTTP/1.1\nHost: {HOST}\nConnection: close\nnothing\n\n",
    "two-lengths": f"GET / HTTP/1.1\nHost: {HOST}\nContent-Length: 0\nContent-Length: 0\n\n",
    "long-body": f"POST / HTTP/1.1\nHost: {HOST}\nContent-Length: 99999999\n\n",
    "unknown-coding": f"GET / HTTP/1.1\nHost: {HOST}\nTransfer-Encoding: x\n\n",
    "long-field": f"GET / HTTP/1.1\nHost: {HOST}\nX: {'a' * 9000}\n\n",
    "many-fields": f"GET / HTTP/1.1\nHost: {HOST}\nConnection: close\n" + f"X: {'a' * 1000}\n" * 20 + "\n",
    "damaged-body": f"GET / HTTP/1.1\nHost: {HOST}\nTransfer-Encoding: chunked\n\nx\n",
    "waits-to-go-on": f"GET / HTTP/1.1\nHost: {HOST}\nExpect: 100-continue\nConnection: close\n\n",
    "if-match": f'GET / HTTP/1.1\nHost: {HOST}\nIf-Match: "x"\nConnection: close\n\n',
    "if-unmodified": f"GET / HTTP/1.0\nHost: {HOST}\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\n\n",
    "no-host": "GET / HTTP/1.1\n\n",
    "http-2.0": f"GET / HTTP/2.0\nHost: {HOST}\n\n",
    "long-target": f"GET /{'a' * 9000} HTTP/1.1\nHost: {HOST}\n\n",
    "range": f"GET / HTTP/1.1\nHost: {HOST}\nRange: bytes=5-19\nConnection: close\n\n",
    "range-beyond": f"GET / HTTP/1.1\nHost: {HOST}\nRange: bytes=99999-\nConnection: close\n\n",
    "several-ranges": f"GET / HTTP/1.1\nHost: {HOST}\nRange: bytes=0-4,9-12\nConnection: close\n\n",
    "error-for-chrome": f"GET /nowhere HTTP/1.1\nHost: {HOST}\n{CHROME}\nConnection: close\n\n",
}
# On port 443, without TLS.
ASTRAY = {
    "alert-first": "\x15\x03\x01\x00\x02\x02\x28",
    "http-on-443": f"GET / HTTP/1.1\nHost: {HOST}\n\n",
    "head-on-443": f"HEAD / HTTP/1.1\nHost: {HOST}\n\n",
    "no-host-on-443": "GET / HTTP/1.1\n\n",
    "trace-on-443": f"TRACE / HTTP/1.1\nHost: {HOST}\n\n",
    "request-behind-empty-lines-on-443": "\n\nGET / HTTP/1.0\n\n",
    "random-bytes-on-443": "\x01\x02\x03 nothing",
    "chat-on-443": "WA\x06\x03",
    "dash-in-method-on-443": f"M-SEARCH / HTTP/1.1\nHost: {HOST}\n\n",
}
