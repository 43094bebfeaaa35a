"""`dojang doctor`: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from dojang.cli import centre, up
from dojang.cli.output import Json, Output, explain, say
from dojang.config.home import ROOM_NEEDED
from dojang.config.options import look_over
from dojang.config.postgres import PrivatePostgres, find_programs, server_account
from dojang.config.wiring import clock_of, require_adapters
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.config.options import Options


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `needed` findings that are not ok make the exit code 1."""

    name: str
    ok: bool
    said: str
    needed: bool = True


def doctor(*, as_json: Json = False) -> None:
    """Look over this machine, the settings and the data folder. Changes nothing."""
    out = Output(as_json)
    findings = list(_look())
    marks = {True: "[green]✓[/]", False: "[red]✗[/]"}
    rows = [(marks[item.ok], say(f"doctor.{item.name}"), item.said) for item in findings]
    out.answer([asdict(item) for item in findings], out.table(["", "check", "answer"], rows))
    raise typer.Exit(0 if all(item.ok or not item.needed for item in findings) else 1)


def _look() -> Iterator[Finding]:
    yield Finding("python", sys.version_info >= (3, 11), sys.version.split()[0])
    options, faults = look_over()
    for fault in faults:
        yield Finding("settings", ok=False, said=explain(fault)[0])
    if options is None or faults:
        return
    try:
        require_adapters(options)
    except DojangError as error:
        yield Finding("adapters", ok=False, said=" ".join(explain(error)))
    yield Finding("settings", ok=True, said=str(options.config or say("doctor.defaults")))
    yield from _look_at_folder(options)
    yield from _look_at_database(options)
    with_openssl = shutil.which("openssl")
    yield Finding("openssl", with_openssl is not None, with_openssl or say("openssl.missing"), needed=False)
    answers = centre.signer_answers(options)
    yield Finding("signer", answers, str(options.folder.signer_socket), needed=False)
    if answers:
        yield _look_at_switch(options)
    yield from _look_at_centre(options)


def _look_at_centre(options: Options) -> Iterator[Finding]:
    """Let a running centre tell how it is: a part of it that is not well makes the exit code 1."""
    found = up.ask_condition(options)
    yield Finding("centre", bool(found and found.get("ready")), options.base_url, needed=False)
    for name in ("adapters", "schema", "authorities", "worker", "lists", "queue", "rounds", "brakes"):
        if found and name in found:
            yield Finding(name, found[name], say(f"doctor.{name}_{'well' if found[name] else 'ill'}"))


def _look_at_switch(options: Options) -> Finding:
    """Tell whether somebody has stopped all signing: everything else may look well meanwhile."""
    from dojang.config.wiring import open_signer  # a quick start for the rest

    with contextlib.closing(open_signer(options, timeout=2.0, patience=0.1)) as signer:
        try:
            halted = signer.is_halted()
        except DojangError as error:
            return Finding("signing", ok=False, said=explain(error)[0], needed=False)
    return Finding("signing", not halted, say("signer.halted" if halted else "signer.allowed"), needed=False)


def _look_at_address(address: str) -> Finding:
    """Ask the database that was named whether it answers; its address may hold a password and is not said."""
    import psycopg  # the same

    try:
        with psycopg.connect(address, connect_timeout=3) as link:
            version = link.info.server_version // 10_000
    except psycopg.Error:
        return Finding("database", ok=False, said=say("doctor.stopped"))
    return Finding("database", ok=True, said=f"DOJANG_DATABASE_URL: PostgreSQL {version}")


def _look_at_folder(options: Options) -> Iterator[Finding]:
    place = options.folder.path
    existing = place
    while not existing.exists():
        existing = existing.parent
    writable = os.access(existing, os.W_OK)
    yield Finding("home", writable, str(place))
    room = shutil.disk_usage(existing).free
    yield Finding("disk", room > ROOM_NEEDED, f"{room / 1e9:.1f} GB")
    exposed = []
    with contextlib.suppress(OSError):
        exposed = [item.name for item in options.folder.secrets.iterdir() if item.stat().st_mode & 0o077]
    yield Finding("secrets", not exposed, ", ".join(exposed) or say("doctor.private"))
    began = options.folder.secrets.exists() and any(options.folder.secrets.iterdir())
    lost = [name for name in centre.SECRETS if began and not (options.folder.secrets / name).exists()]
    if lost:
        yield Finding("keys", ok=False, said=say("doctor.lost", names=", ".join(lost)))


def _look_at_tables(options: Options) -> Iterator[Finding]:
    """Ask a database that answers whether this version can serve with it."""
    if any(not (options.folder.secrets / name).exists() for name in centre.SECRETS):
        return  # asking would make them
    os.environ["DOJANG_HOME"] = str(options.folder.path)
    centre.setup_django()
    from django.db import DatabaseError, connections  # after the set-up

    from dojang.config.soundness import database_faults

    try:
        faults = database_faults(clock_of(options).now())
    except DatabaseError:
        return
    finally:
        connections.close_all()
    said = " ".join(" ".join(explain(fault)) for fault in faults)
    yield Finding("tables", not faults, said or say("db.sound"))


def _look_at_database(options: Options) -> Iterator[Finding]:
    if options.database_url:
        answer = _look_at_address(options.database_url)
        yield answer
        if answer.ok:
            yield from _look_at_tables(options)
        return
    account = server_account()
    found = find_programs(account, keep=options.folder.pg, copy=False)
    said = ", ".join(f"{item.major} ({item.folder})" for item in found)
    yield Finding("postgres", bool(found), said or say("doctor.none"))
    pid = PrivatePostgres(options.folder).pid()
    yield Finding("database", pid is not None, f"pid {pid}" if pid else say("doctor.stopped"), needed=False)
    if pid is not None:
        yield from _look_at_tables(options)
