"""Tests of ``appliance``: health."""
