"""What a prober can tell: every probe of docs/cover.md against the relay and against Debian's nginx."""
