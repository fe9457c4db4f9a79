"""The certificate service, with Debian's certbot against a real authority (pebble) on loopback."""
