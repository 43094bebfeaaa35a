"""Make a folder like `release-0.1.0/`: a bank as a release leaves it. Runs on that release's own code.

In a checkout of the release, set up by `make setup-test`, with this folder copied into its `tests/`:

    .venv/bin/python -m tests.upgrade.fill 0.1.0

The life the bank leads is told in `life_0_1_0`, one file for each release; see README.md.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from tests.upgrade.asking import Status, summary, tables

if TYPE_CHECKING:
    from dojang.config.home import Home
    from dojang.config.postgres import PrivatePostgres

HERE = Path(__file__).parent
BEGIN = dt.datetime(2026, 9, 1, 1, 0, tzinfo=dt.UTC)
#: What opens sealed columns, numbers on screens, cookies and the signer's store.
SECRETS = ("django.key", "field.key", "numbers.key", "signer.pass", "vapid.key")
#: Lines of the dump that are for another reader than a server, or for younger servers only.
LEFT_OUT = re.compile(r"^(?:\\(?:un)?restrict .*|SET transaction_timeout .*)\n", re.MULTILINE)


def main() -> None:
    """Fill a bank and write it down."""
    release = sys.argv[1]
    place = HERE / f"release-{release}"
    place.mkdir(exist_ok=True)
    home, server = begin()
    try:
        kept = live(home, server, release)
        (place / "database.sql.xz").write_bytes(lzma.compress(dump(server).encode(), preset=9))
        pack(home, place / "signer.tar.xz")
        (place / "kept.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    finally:
        server.stop()
        shutil.rmtree(home.path, ignore_errors=True)


def begin() -> tuple[Home, PrivatePostgres]:
    """Make an empty bank in a folder of its own and set Django up for it."""
    path = Path(tempfile.mkdtemp(prefix="dojang-fill-"))
    path.chmod(0o755)  # the server's user has to walk through
    for name in [name for name in os.environ if name.startswith("DOJANG_")]:
        del os.environ[name]
    os.environ["DOJANG_HOME"] = str(path)
    os.environ["DJANGO_SETTINGS_MODULE"] = "dojang.config.settings"
    (path / "dojang.toml").write_text("[policy.service_hours]\n", "utf-8")
    from dojang.config.home import Home  # the environment comes first
    from dojang.config.postgres import PrivatePostgres

    home = Home(path)
    server = PrivatePostgres(home, durable=False)
    for name in ("django.key", "field.key", "numbers.key"):
        home.secret(name)
    server.start()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    offset = BEGIN - dt.datetime.now(dt.UTC)
    home.clock.write_text(f'{{"offset_seconds": {int(offset.total_seconds())}}}\n', "ascii")
    return home, server


def live(home: Home, server: PrivatePostgres, release: str) -> dict[str, Any]:
    """Let the bank live; return what those who go on with it must know."""
    from tests.centres import SignerProcess  # needs the environment, too

    from dojang.config import wiring
    from dojang.config.options import load_options

    signer = SignerProcess(home)
    signer.start()
    options = load_options(home=home.path, database_url=server.url())
    world = wiring.build_world(options)
    status = wiring.build_status(options)
    try:
        kept = importlib.import_module(f"tests.upgrade.life_{release.replace('.', '_')}").live(world)
        moment = world.clock.now()
        found = seen(server, Status(status))
    finally:
        status.close()
        wiring.close_world(world)
        signer.stop()
    return {"release": release, "moment": moment.isoformat(), **kept, **found}


def seen(server: PrivatePostgres, status: Any) -> dict[str, Any]:
    """Return what the old release says of its rows, so that no later release has to know its tables."""
    with psycopg.connect(server.url()) as link:

        def rows(query: str) -> list[list[Any]]:
            return [list(row) for row in link.execute(query).fetchall()]

        certificates = rows(
            "SELECT serial, customer_id, product, state, der FROM ca_certificate"
            " WHERE product <> 'authority' ORDER BY id"
        )
        for row in certificates:
            der = row.pop()
            row += [status.ocsp(der), status.crl(der)]
        return {
            "tables": summary(tables(link)),
            "jobs": rows("SELECT id, task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"),
            "certificates": certificates,
            "events": rows("SELECT count(*) FROM audit_event")[0][0],
            "waiting": [
                row[0] for row in rows("SELECT id::text FROM notices_notice WHERE state = 'waiting'")
            ],
        }


def dump(server: PrivatePostgres) -> str:
    """Return schema and rows as plain SQL that any server of this age or younger takes."""
    from dojang.config.postgres import find_programs, server_account

    programs = find_programs(server_account(), keep=server.home.pg)[0]
    made = subprocess.run(
        [
            str(programs.folder / "pg_dump"), "--no-owner", "--no-privileges", "--inserts",
            "--rows-per-insert=200", "--dbname", server.url(),
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return LEFT_OUT.sub("", made)


def pack(home: Home, place: Path) -> None:
    """Put the signer's store and the bank's secrets into one file."""
    with tarfile.open(place, "w:xz") as archive:
        for file in sorted(home.signer.iterdir()):
            if file.is_file() and file.suffix != ".sock" and file.name != "lock":
                archive.add(file, f"signer/{file.name}")
        for name in SECRETS:
            if (home.secrets / name).exists():
                archive.add(home.secrets / name, f"secrets/{name}")


if __name__ == "__main__":
    main()
