"""The run folder ``reports/<run-id>/``: made, written while the run goes, and read again next year.

Reading is in :mod:`loadkit.runs.reader`, apart because it needs pandas, which a process that places calls does not.
"""

from loadkit.runs.folder import RunFolder
from loadkit.runs.replace import replaced, write_bytes, write_text
from loadkit.runs.writer import RunWriter

__all__ = ["RunFolder", "RunWriter", "replaced", "write_bytes", "write_text"]
