"""Where the public records lie that some tests read.

And the reason they skip with where there are none.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ACCORD_SHARED", ROOT.parent / "shared"))
DATA = Path(os.environ.get("ACCORD_DATA", SHARED / "data"))

needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="needs the public records beside the project (folder ../shared/data, or ACCORD_DATA)",
)
