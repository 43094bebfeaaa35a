"""How the command line speaks: Korean or English by ``LANG``, tables for people, ``--json`` for programs."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.table import Table

from dojang.products.messages import catalog, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dojang.pki.errors import DojangError

_PIPE_WIDTH = 160
#: The option every command takes.
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def language() -> str:
    """Return ``ko`` when the environment speaks Korean, else ``en``."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ko" if spoken.lower().startswith("ko") else "en"


def say(message_id: str, **args: Any) -> str:
    """Return a sentence of the command line (ids below ``cli.``) in the reader's language."""
    return render(f"cli.{message_id}", language(), **args)


def console_on(stream: TextIO) -> Console:
    """Return a console that wraps to the terminal, and only very late in a pipe or a file."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


@dataclass(frozen=True, slots=True)
class Output:
    """Where answers go: standard output for the answer, standard error for what is told meanwhile."""

    as_json: bool = False

    @property
    def console(self) -> Console:
        """Console of the answer. NO_COLOR and pipes are respected by rich."""
        return console_on(sys.stdout)

    @property
    def aside(self) -> Console:
        """Console of what is told meanwhile."""
        return console_on(sys.stderr)

    def answer(self, value: Any, sentence: str | Table) -> None:
        """Print the answer: the value as JSON, or the sentence or table for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
        else:
            self.console.print(sentence)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> Table:
        """Return a plain table; column names are message ids below ``cli.column.``."""
        made = Table(title=title or None, box=None, pad_edge=False, title_justify="left", header_style="bold")
        for column in columns:
            made.add_column(say(f"column.{column}") if column else "", overflow="fold")
        for row in rows:
            made.add_row(*row)
        return made


def explain(error: DojangError) -> tuple[str, str]:
    """Return the sentence of an error and what to do next (empty when there is nothing to add)."""
    known = catalog(language())
    sentence = _fill(known.get(error.message_id, ""), error) or f"{error.code}: {error.detail}"
    return sentence, _fill(known.get(f"cli.next.{error.code}", ""), error)


def _fill(template: str, error: DojangError) -> str:
    try:
        return template.format(**error.data)
    except (KeyError, IndexError):
        return f"{error.code}: {error.detail}"


def report(error: DojangError) -> int:
    """Print an error with its next step and return the exit code, 1."""
    sentence, then = explain(error)
    if "--json" in sys.argv:
        body = {"error": {"code": error.code, "message": sentence, "next": then, "data": error.data}}
        sys.stdout.write(json.dumps(body, ensure_ascii=False, default=str) + "\n")
        return 1
    console = console_on(sys.stderr)
    console.print(f"[bold red]{say('word.error')}[/] {sentence}")
    if then:
        console.print(f"  → {then}")
    return 1
