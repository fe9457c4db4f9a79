"""Attacks on a relay and a page that run, as many of each as docs/threats.md says: ./test abuse."""
