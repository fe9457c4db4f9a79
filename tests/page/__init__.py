"""Tests of ``appliance``: page."""
