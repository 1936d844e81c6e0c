"""`python -m unet_perception VERB …`."""

import sys

from .cli.main import main

sys.exit(main())
