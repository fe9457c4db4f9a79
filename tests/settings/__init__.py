"""Tests of ``appliance``: settings."""
