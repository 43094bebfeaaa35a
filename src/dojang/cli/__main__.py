"""``python -m dojang.cli``: the same as the `dojang` command."""

from __future__ import annotations

import sys

from dojang.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
