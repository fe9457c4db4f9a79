"""Tests of ``appliance``: report."""
