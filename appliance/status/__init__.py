"""How porchlight is doing: one set of facts, one verdict for the lights, the page and ``/status.json``."""
