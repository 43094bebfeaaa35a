"""Where the `dojang` command begins. What needs no centre is found before anything of a centre is loaded."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    if sys.argv[1:2] == ["verify-path"]:
        # Judges start it often and wait for its first line: a tenth of a second instead of most of one.
        from dojang.cli.verify_path import main as verify_path

        return verify_path(sys.argv[2:])
    from dojang.cli.commands import main as commands

    return commands()
