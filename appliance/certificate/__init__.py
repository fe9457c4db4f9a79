"""A publicly trusted certificate for the relay, for those who want one: certbot does the asking (docs/certificates.md).

``issued.py`` makes the key, and lets a certificate through to the relay only when all of it fits; ``client.py`` runs
certbot; ``outcome.py`` says in plain words what came of it; ``schedule.py`` when to ask; ``service.py`` all together.
"""
