"""Tests of ``appliance``: reset."""
