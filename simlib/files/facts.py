"""Reads the tables that the package carries and writes files whole."""

from __future__ import annotations

import csv
import hashlib
import os
import secrets
from functools import cache
from importlib.resources import files
from pathlib import Path

from simlib.errors import did_you_mean, shown


def names() -> tuple[str, ...]:
    """Return the names of the tables that the package carries, in alphabetical order.

    >>> "provinces" in names()
    True
    """
    folder = files("simlib") / "data"
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".csv")))


@cache
def hashes() -> dict[str, str]:
    """Return the SHA-256 of every table that the package carries, by name.

    >>> len(hashes()["provinces"])
    64
    """
    folder = Path(str(files("simlib") / "data"))
    return {name: sha256(folder / f"{name}.csv") for name in names()}


@cache
def read(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a table of the package, cells as text; an empty cell is an empty text.

    The rows are read once and shared: do not change them. What a column means, its unit, year, source
    and grade stand in the table `dictionary`.

    Raises
    ------
    LookupError
        There is no such table.

    Examples
    --------
    >>> read("provinces")[0]["name_en"]
    'Beijing'
    """
    if name not in names():
        raise LookupError(f"{shown(name)}: no such table. {did_you_mean(name, names())}")
    text = (files("simlib") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), strict=True))


@cache
def value(table: str, **where: str) -> float:
    """Return the number in the column `value` of the one row that fits, in the unit of that row.

    Raises
    ------
    LookupError
        Not exactly one row fits, its value is empty, or there is no such table or column. A guess
        between two published figures is the caller's to make, never this function's.

    Examples
    --------
    >>> value("national", metric="insured", scheme="employee", year="2023")
    37094.6
    """
    rows = read(table)
    asked = f"{table}: " + ", ".join(f"{shown(column)}={shown(cell)}" for column, cell in where.items())
    for column in (*where, "value"):
        if column not in rows[0]:
            raise LookupError(f"{asked}: no column {shown(column)}. {did_you_mean(column, rows[0])}")
    fit = [row for row in rows if all(row[column] == cell for column, cell in where.items())]
    if len(fit) != 1:
        raise LookupError(f"{asked}: {len(fit)} rows fit, expected 1. {_hint(rows, where)}".rstrip())
    if not fit[0]["value"]:
        raise LookupError(f"{asked}: the value is empty: not published.")
    return float(fit[0]["value"])


def _hint(rows: tuple[dict[str, str], ...], where: dict[str, str]) -> str:
    """Return which condition leaves no row and its likely fix, or which columns tell the rows apart."""
    left = rows
    for column, cell in where.items():
        fit = tuple(row for row in left if row[column] == cell)
        if not fit:
            return f"{shown(column)}: {did_you_mean(cell, dict.fromkeys(row[column] for row in left))}"
        left = fit
    told = (column for column in left[0] if column not in ("value", "source", "note"))
    apart = [column for column in told if len({row[column] for row in left}) > 1]
    return f"They differ in {', '.join(apart)}." if apart else ""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that whoever opens it finds the old content or the new, never a part.

    The content goes to a temporary file in the same folder, which then takes the place of `path`.
    If anything goes wrong, an interrupt included, `path` is as before and the temporary file is gone.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written to, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "run.csv", b"home,host")
    ...     [(file.name, file.read_bytes()) for file in Path(folder).iterdir()]
    [('run.csv', b'home,host')]
    """
    # Not tempfile: its files are private to their owner, and results are meant to be shared.
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "empty", b"")
    ...     sha256(Path(folder) / "empty")[:16]
    'e3b0c44298fc1c14'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
