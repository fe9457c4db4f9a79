"""``porchlight demo``: all of porchlight on one computer."""
