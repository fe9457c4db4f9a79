"""The setup page: Flask under gevent's WSGI server, for the owner on the home network."""
