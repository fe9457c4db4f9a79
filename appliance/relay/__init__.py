"""The relay: accepts people's connections, finds out what they are, and copies bytes to WhatsApp and back.

Theory of operation, in the order in which a connection passes through the modules:

``service`` (the parent process) opens the listening sockets, forks as many workers as ``demand`` wants, publishes the
status and replaces a worker that died; ``handover`` lets sockets and streams outlive it. ``certificate`` follows the
one in use; a fresh card's is made by ``own_certificate``, in a process that begins before the service is read.
``worker`` runs gevent's loop with one callback for each socket event; nothing on the data path is a greenlet or a
thread. ``place`` says whether a worker takes newcomers, and whose it takes besides its own. ``listener`` accepts and
applies ``limits``, as long as there is ``memory``. ``opening`` goes through ``phases`` and reads what comes before the
relaying (PROXY header, TLS handshake, first bytes), with the pure rules of ``proxy_header``, ``first_bytes`` and
``client_hello``. Once a first message is whole, ``dial`` connects to an address that ``upstream`` keeps resolved and
probed. ``stream`` then copies bytes both ways. A browser's ``request`` is read as nginx reads it, and gets the answer
of ``cover`` from the pages of ``site``, by a ``delivery``. ``sums`` counts, in memory shared with the parent.
"""
