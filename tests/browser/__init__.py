"""The volunteer's way in a real browser, against the real programs in a home of network namespaces."""
