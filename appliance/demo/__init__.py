"""All of porchlight on one computer, to look at: no card, no configuration, no internet, no root."""
