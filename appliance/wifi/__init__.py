"""Wi-Fi, for a board without a cable: from the settings file to the supplicant's configuration.

``rules`` says what country, name and password may be and makes the key; ``hide`` puts the key in the password's place
in the text of the settings file; ``prepare`` does both at each boot, as a part of ``appliance.claim``. Nothing of this
stays in memory: Debian's wpa_supplicant runs under a small shell (``/usr/lib/porchlight/join-wifi``), and only where
somebody asks for it. docs/wifi.md.
"""
