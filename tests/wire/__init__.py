"""porchlight beside the reference: the same scripted clients, the same upstream, every byte compared."""
