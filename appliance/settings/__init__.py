"""The settings: declared once, loaded from the card and from the page, saved by the page (``save``)."""

from appliance.settings.declared import Settings
from appliance.settings.load import Loaded, load
from appliance.settings.problem import Problem

__all__ = ["Loaded", "Problem", "Settings", "load"]
