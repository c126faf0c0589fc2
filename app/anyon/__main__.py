"""`python -m anyon`."""

from __future__ import annotations

import sys

from anyon.cli import main

sys.exit(main())
