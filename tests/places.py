"""Where tests keep databases that live for minutes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ROOM: Final = 3 * 1024**3  #: octets that must be free, many times what a session needs


def place_for_data() -> str | None:
    """Return a file system in memory where there is room; None: the usual folder.

    Each test with commits of its own gets a new database: a thousand files made and deleted. A disk's file
    system (ext4) looks through all that were just deleted before it makes one, most of a run's time once.
    """
    if os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return str(_MEMORY)
    return None
