"""Compiles the rules of a visit, and keeps the result by the hash of all that it was made from."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@cache
def rules_sha() -> str:
    """Return the SHA-256 of all sources of simlib, rules and numbers: two equal hashes mean the same rules."""
    digest, package = hashlib.sha256(), Path(__file__).parent
    for path in sorted(path for ending in ("*.py", "*.yaml") for path in package.rglob(ending)):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def folder() -> Path | None:
    """Return where compiled rules of this very source are kept, or None: then they are compiled for each process.

    Numba does not see edits in other modules, so that the folder is named by the hash of all. In the user's cache, or
    where there is none to write in the machine's folder for temporary files, see `kept_in`.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    bases = (_users_cache, lambda: Path(tempfile.gettempdir()) / f"simlib-{user}")
    return next((found for base in bases if (found := kept_in(base))), None)


def _users_cache() -> Path:
    """Return the folder of the user's caches; RuntimeError where the user has no home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "simlib"


def kept_in(base: Callable[[], Path]) -> Path | None:
    """Return the folder of this very source below one, made where it is not there, or None where it is not safe.

    What it holds is run as it is: it is used only if it is the user's own and nobody else may write there.
    """
    try:
        own = base()
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(own) and own.stat().st_mode & OTHERS_MAY_WRITE:
            own.chmod(0o700)
        found = own / rules_sha()[:16]
        found.mkdir(mode=0o700, exist_ok=True)
        safe = all(_is_ours(path) and not path.stat().st_mode & OTHERS_MAY_WRITE for path in (own, found))
        return found if safe and os.access(found, os.W_OK | os.X_OK) else None
    except (OSError, RuntimeError):  # no home, an unknown user, a file in the way, a full disk
        return None


def nothing_compiled() -> bool:
    """Return whether the rules of this source have still to be compiled, which takes some 20 seconds."""
    own = folder()
    return own is None or next(own.rglob("*.nbc"), None) is None


def folders() -> list[Path]:
    """Return the folder of this source and those that other sources left beside it."""
    own = folder()
    ours = own.parent.glob("[0-9a-f]" * len(own.name)) if own else ()
    return sorted(path for path in ours if path.is_dir() and _is_ours(path))


def _is_ours(path: Path) -> bool:
    """Return whether a folder belongs to who runs this; a link does not count."""
    return not path.is_symlink() and (not hasattr(os, "getuid") or path.stat().st_uid == os.getuid())


@contextmanager
def _numba_caches_there() -> Iterator[None]:
    """Have Numba keep what is compiled in `folder` and nowhere else, whatever it was told or has inherited."""
    from numba.core import config

    told = {"CACHE_DIR": str(folder() or ""), "CACHE_LOCATOR_CLASSES": ""}
    before = {name: getattr(config, name, "") for name in told}
    vars(config).update(told)
    try:
        yield
    finally:
        vars(config).update(before)


def rule(function: F) -> F:
    """Compile a rule that is written for one visit, so that a loop can apply it to millions.

    The rule stays callable from Python with the same result; its docstring is kept.
    """
    # Inlined wherever it is called: passing a visit's context by value costs more than most rules do.
    return _compiled(function, forceinline=True)


def apart(function: F) -> F:
    """Compile a rule as `rule` does, but once, to be called: for long rules and loops off the beaten track."""
    return _compiled(function)


def _compiled(function: F, *, forceinline: bool = False) -> F:
    """Return a function compiled by Numba, cached by the hash of all sources."""
    import numba

    kept = folder() is not None
    with _numba_caches_there():
        compiled: Any = numba.njit(cache=kept, nogil=True, error_model="numpy", forceinline=forceinline)(function)
    return cast(F, compiled)
