"""Tests of ``appliance``: history."""
