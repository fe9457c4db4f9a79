"""A whole home: the card, a neighbour, a real miniupnpd as the router, a provider, and somebody outside."""
