"""What was built, and where it is."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What `sam build` left.
BUILD = ROOT / ".aws-sam" / "build"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The one-machine stack, and the command for platform teams.
POSTHORN = TARGET / os.environ.get("POSTHORN_PROFILE", "debug") / "posthorn"
