"""Tests of ``appliance``: status."""
