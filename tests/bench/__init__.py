"""The benchmark: porchlight beside HAProxy and nginx on the same machine, in the same run.

``python -m tests.bench`` (or ``./test bench``) runs it. ``relays`` starts the five relays, ``load`` compiles and runs
the clients and the upstream (``load.c``, ``echo.c``), ``accounting`` asks the kernel what each relay used, ``rows``
declares what is measured and how good it has to be, and ``report`` and ``chart`` show what came out. It is never
part of ``./test`` or ``./test quick``: what it measures depends on the machine.
"""
