"""Tests of ``appliance``: network."""
