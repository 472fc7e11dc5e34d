"""How measures are named that count people, or records that people stand behind."""

from __future__ import annotations

from typing import Final

COUNT: Final = "count "
"""How measures begin that count people or records: a person is at least one record."""
RECORD: Final = "record "
"""What follows where records are counted, of which a person may have many."""
