"""Compiles the rules of a visit, and keeps the result by the hash of all that it was made from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


@cache
def rules_sha() -> str:
    """Return the SHA-256 of all sources of simlib, rules and numbers: two equal hashes mean the same rules."""
    digest, package = hashlib.sha256(), Path(__file__).parent
    for path in sorted(path for ending in ("*.py", "*.yaml") for path in package.rglob(ending)):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _cache_compiled_rules() -> None:
    """Point Numba at a cache folder of this very source: it does not see edits in other modules."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    if not os.access(base if base.exists() else base.parent, os.W_OK):
        base = Path(tempfile.gettempdir())
    os.environ.setdefault("NUMBA_CACHE_DIR", str(base / "simlib" / rules_sha()[:16]))


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
    _cache_compiled_rules()
    import numba

    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=forceinline)(function)
    return cast(F, compiled)
