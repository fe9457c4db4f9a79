"""Run the command as ``python3 -m appliance``, as the image build does before anything is installed."""

import sys

from appliance.cli.main import main

sys.exit(main())
