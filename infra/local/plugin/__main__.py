"""Started by the engine as `python infra/local/plugin ADDRESS`; prints the port on which the provider answers."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "app")]

from infra.local.provider import serve  # noqa: E402 - the path is set above

serve()
