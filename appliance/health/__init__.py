"""What is wrong, found by small checks: each says what it is, why it matters and what to do, and clears itself.

A check is one pure function from the facts (``appliance.status.facts``) to problems; ``registry`` lists them all in the
order of their importance. There is no state between two looks: a problem ends when the facts no longer show it. The one
list drives lights, page, ``porchlight check``, ``/status.json`` and ``/metrics``; docs/health.md has a row for each.
"""
