"""The relay's name: dynamic DNS through Debian's inadyn, and the records of a domain of one's own.

From the table to the child process: ``providers.py`` (who offers names), ``account.py`` (the user name and password),
``configuration.py`` (what inadyn is told), ``outcome.py`` (what inadyn says, in plain words), ``child.py`` (the
process), ``records.py`` and ``lookup.py`` (what the name should say and what it says), ``service.py`` (all of it).
"""
