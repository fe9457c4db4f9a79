"""Tests of ``appliance``: claim."""
