"""The folder of a run: tables written whole, then a manifest by which they are verified when read back."""

from __future__ import annotations

import hashlib
import io
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from simlib import anchors, documents, experiment, headline
from simlib.experiment import CONTRACT, Runs
from simlib.remedies import shown
from simlib.tables import names, sha256, write_whole
from simlib.terms import BadInputError, Fault, rules_sha

TABLES = ("headline.json", "effects.csv", "metrics.parquet", "attention.csv", "fit.csv", "unknowns.csv")
MANIFEST = "manifest.json"
NAMES = (*TABLES, MANIFEST)
MAX_BYTES = 500_000_000
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "pydantic", "PyYAML")


def prepare(folder: Path) -> None:
    """See that the folder can be made and written, before anything is computed.

    Raises
    ------
    BadInputError : it cannot be made or written, or is a file.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        write_whole(probe, b"")
        probe.unlink()
        if made:  # an interrupted run leaves no empty folder
            folder.rmdir()
    except OSError as error:
        raise BadInputError(f"--out {folder}: cannot be written ({error.strerror}). Name another folder.") from None


def write(folder: Path, runs: Runs, curve: pd.DataFrame) -> None:
    """Write the results; an old manifest goes first, the new one comes last: a folder with one is complete."""
    headlines = [headline.facts(runs, pairing, curve) for pairing in runs.pairings]
    tables = {
        "headline.json": (json.dumps(headlines, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode(),
        "effects.csv": csv(experiment.effect(runs)[CONTRACT]),
        "metrics.parquet": parquet(experiment.draws_table(runs)),
        "attention.csv": csv(curve),
        "fit.csv": csv(anchors.fit_table(runs)),
        "unknowns.csv": csv(runs.unknowns.rename_axis("draw").reset_index()),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for name, content in tables.items():
            write_whole(folder / name, content)
        write_whole(folder / MANIFEST, manifest(folder, runs))
    except OSError as error:
        raise BadInputError(
            f"--out {folder}: cannot be written ({error.strerror}). Free space, or name another folder."
        ) from None


def csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV; numbers with 12 digits, which is beyond what any of them means."""
    return table.to_csv(index=False, float_format="%.12g", lineterminator="\n").encode()


def parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def manifest(folder: Path, runs: Runs) -> bytes:
    """Return what made the results: versions, seed, hashes of inputs, of the rules' source and of the tables.

    Nothing in it depends on the time, the machine's name or the number of threads: the same run gives the same bytes.
    """
    scenarios = {Path(path).as_posix(): sha for p in runs.pairings for path, sha in p.scenario.files()}
    data = files("simlib") / "data"
    content = {
        "simlib": version("simlib"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "seed": runs.seed,
        "draws": runs.draws,
        "pinned": dict(sorted(runs.pin.items())),
        "people": runs.people,
        "people_drawn": runs.drawn,
        "rules_sha256": rules_sha(),
        "scenarios_sha256": scenarios,
        "data_sha256": {name: sha256(Path(str(data / f"{name}.csv"))) for name in names()},
        "tables_sha256": {name: sha256(folder / name) for name in TABLES},
    }
    return written(content | {"sha256": digest(written(content))})


def written(content: dict[str, Any]) -> bytes:
    """Return a manifest as it is written."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Folder:
    """A finished run as it was written: manifest, headlines and tables by name."""

    path: Path
    manifest: dict[str, Any]
    headlines: list[dict[str, Any]]
    tables: dict[str, pd.DataFrame]


def read(folder: Path) -> Folder:
    """Return a finished run; one that is incomplete, altered or of another version is refused.

    Raises
    ------
    BadInputError : with every file that is missing or is not as the manifest says.
    """
    found, files_ = checked(folder)
    tables = {
        name: pd.read_parquet(io.BytesIO(raw)) if name.endswith(".parquet") else pd.read_csv(io.BytesIO(raw))
        for name, raw in files_.items()
        if not name.endswith(".json")
    }
    return Folder(folder, found, json.loads(files_["headline.json"]), tables)


def checked(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest of a run folder and the bytes of its tables, if all are as they were written.

    Raises
    ------
    BadInputError : with every file that is missing or is not as the manifest says.
    """
    found = _manifest(folder)
    hashes = found["tables_sha256"]
    faults, tables = [], {}
    for name in TABLES:
        if not (folder / name).is_file():
            faults.append(
                Fault(str(folder / name), 1, 1, "missing, but the manifest names it. Run the scenario again.")
            )
            continue
        tables[name] = documents.content(folder / name, MAX_BYTES, "table", "It is no table of a run.")
        if digest(tables[name]) != hashes.get(name):
            what = "altered: its SHA-256 is not the one in the manifest. Run the scenario again."
            faults.append(Fault(str(folder / name), 1, 1, what))
    if faults:
        raise BadInputError(*faults)
    return found, tables


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder, refused unless it is whole, unaltered and of this version."""
    path = folder / MANIFEST

    def refuse(message: str) -> BadInputError:
        return BadInputError(Fault(str(path), 1, 1, message))

    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder. Name the folder that `simlib run` has written.")
    if not path.is_file():
        raise refuse("missing. It is written last: the run did not finish, or this is no run folder. Run it again.")
    raw = documents.content(path, MAX_BYTES, "manifest", "It is no manifest of a run.")
    try:
        found = json.loads(raw)
        sealed = found.pop("sha256")
        whole = written(found)
        as_written = raw == written(found | {"sha256": sealed}) and isinstance(found["tables_sha256"], dict)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise refuse("altered, or written by an older version: not a manifest as simlib writes it.") from None
    if not as_written or digest(whole) != sealed:
        raise refuse("altered: its content does not have the SHA-256 that it names. Run the scenario again.")
    if found.get("simlib") != version("simlib"):
        other, own = shown(found.get("simlib")), version("simlib")
        raise refuse(f"made by simlib {other}, this is {own}. Use that version, or run the scenario again.")
    return dict(found) | {"sha256": sealed}
