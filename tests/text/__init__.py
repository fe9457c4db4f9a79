"""Tests of ``appliance.text``."""
