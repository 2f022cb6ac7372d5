"""The folder of a run: tables written whole, then a manifest by which they can be verified."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from simlib import anchors, coalitions, experiment, headline
from simlib.attribution import Attribution
from simlib.enacted import Pin
from simlib.experiment import CONTRACT, Runs
from simlib.scenario import Scenario
from simlib.tables import hashes, sha256, write_whole
from simlib.terms import BadInputError, rules_sha

TABLES = ("headline.json", "effects.csv", "metrics.parquet", "attention.csv", "fit.csv")
MANIFEST = "manifest.json"
ATTRIBUTION = "attribution.csv"
COALITIONS = "coalitions"
"""Folder beside an attribution where the runs of its coalitions are kept."""
NAMES = (*TABLES, MANIFEST)
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
    }
    said = {"people_drawn": runs.drawn}
    scenarios = [pairing.scenario for pairing in runs.pairings]
    _write(folder, tables, about(scenarios, runs.seed, runs.draws, runs.people, runs.pin) | said)


def write_attribution(folder: Path, found: Attribution, table: pd.DataFrame) -> None:
    """Write the table of an attribution and its manifest; the runs that it was made from stay beside them."""
    levers = [lever.name for lever in coalitions.levers(found.package)]
    said = {"metric": str(table["metric"].iloc[0]), "sampled_orders": found.sample, "levers": levers}
    made = about([found.package], found.seed, found.draws, found.people, found.pin)
    _write(folder, {ATTRIBUTION: csv(table)}, made | said)


def _write(folder: Path, tables: dict[str, bytes], said: dict[str, object]) -> None:
    """Write tables, the manifest last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for name, content in tables.items():
            write_whole(folder / name, content)
        said = said | {"tables_sha256": {name: sha256(folder / name) for name in tables}}
        write_whole(folder / MANIFEST, (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode())
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


def about(scenarios: Sequence[Scenario], seed: int, draws: int, people: int, pin: Pin) -> dict[str, object]:
    """Return what made the results: versions, seed, documents, hashes of inputs, rules' source and tables.

    Nothing in it depends on the time, the machine's name or the number of threads: the same run gives the same bytes.
    """
    return {
        "simlib": version("simlib"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "seed": seed,
        "draws": draws,
        "pinned": dict(sorted(pin.items())),
        "people": people,
        "documents": {of.name: of.source and of.source.model_dump() for of in scenarios},
        "rules_sha256": rules_sha(),
        "scenarios_sha256": {Path(path).as_posix(): sha for of in scenarios for path, sha in of.files()},
        "data_sha256": hashes(),
    }
