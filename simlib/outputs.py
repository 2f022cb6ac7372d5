"""The folder of a run: tables written whole, then a manifest by which they can be verified."""

from __future__ import annotations

import gzip
import io
import json
import platform
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pandas as pd

from simlib import anchors, experiment, headline, journal, reconcile
from simlib.experiment import CONTRACT, Runs
from simlib.tables import names, sha256, write_whole
from simlib.terms import BadInputError, rules_sha

TABLES = (
    "headline.json",
    "effects.csv",
    "metrics.parquet",
    "attention.csv",
    "fit.csv",
    "ledger.csv",
    "prepayment.csv",
    "fund_effects.csv",
    *reconcile.FILES,
)
MANIFEST = "manifest.json"
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
    """Write the results of runs of the whole country; the manifest comes last: a folder with one is complete."""
    headlines = [headline.facts(runs, pairing, curve) for pairing in runs.pairings]
    tables = {
        "headline.json": (json.dumps(headlines, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode(),
        "effects.csv": csv(experiment.effect(runs)[CONTRACT]),
        "metrics.parquet": parquet(experiment.draws_table(runs)),
        "attention.csv": csv(curve),
        "fit.csv": csv(anchors.fit_table(runs)),
        "prepayment.csv": csv(anchors.prepayment_table(runs)),
        "fund_effects.csv": csv(experiment.parts_table(runs)),
        "ledger.csv": csv(experiment.cash_table(runs)),
        **books(runs),
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


def books(runs: Runs) -> dict[str, bytes]:
    """Return the files of the books of one draw, reference and scenario, `reconcile.FILES`."""
    made: dict[str, list[pd.DataFrame]] = {"journal": [], "balances": [], "trial_balance": []}
    for pairing, both in zip(runs.pairings, runs.books, strict=True):
        for side, of in zip(journal.SIDES, both, strict=True):
            entries = journal.entries(of)
            for name, table in (
                ("journal", entries),
                ("balances", journal.account_balances(of)),
                ("trial_balance", journal.trial_balance(of, entries)),
            ):
                table.insert(0, "side", side)
                table.insert(0, "scenario", pairing.scenario.name)
                made[name].append(table)
    whole = {name: pd.concat(tables, ignore_index=True) for name, tables in made.items()}
    return {
        "journal.parquet": parquet(whole["journal"]),
        "journal.csv.gz": gzip.compress(csv(whole["journal"]), compresslevel=6, mtime=0),
        "balances.parquet": parquet(whole["balances"]),
        "trial_balance.csv": csv(whole["trial_balance"]),
        "workbook.xlsx": journal.workbook(whole["journal"], whole["trial_balance"]),
    }


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
        "pools_sha256": {Path(runs.pools.path).as_posix(): runs.pools.sha256} if runs.pools else {},
        "people": runs.people,
        "people_drawn": runs.drawn,
        "rules_sha256": rules_sha(),
        "scenarios_sha256": scenarios,
        "data_sha256": {name: sha256(Path(str(data / f"{name}.csv"))) for name in names()},
        "tables_sha256": {name: sha256(folder / name) for name in TABLES},
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
