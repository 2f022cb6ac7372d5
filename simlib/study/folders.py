"""The folder of a run: tables written whole, then a manifest by which they are verified when read back."""

from __future__ import annotations

import hashlib
import io
import json
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.amounts import AMOUNTS
from simlib.calibration import fit
from simlib.compiled import rules_sha
from simlib.errors import BadInputError, Fault, listed, shown
from simlib.files import documents
from simlib.files.facts import hashes, write_whole
from simlib.fund import journal, reconcile
from simlib.scenario import ensemble
from simlib.scenario.scenario import Scenario
from simlib.simulation.draws import Pin
from simlib.study import accounts, coalitions, experiment, findings, funnel, headline, match, whom
from simlib.study.attribution import COLUMNS as ATTRIBUTED
from simlib.study.attribution import Attribution
from simlib.study.experiment import CONTRACT, Runs

READ = (
    "headline.json",
    "effects.csv",
    "metrics.parquet",
    "attention.csv",
    "funnel.csv",
    "fit.csv",
    "unknowns.csv",
    "ledger.csv",
    "fund_effects.csv",
    "who.csv",
    "tiers.csv",
    "years.csv",
    "gaps.csv",
    "measures.csv",
)
"""What a report is made of; the books are read by `reconcile`."""
COLUMNS = {
    "effects.csv": CONTRACT,
    "metrics.parquet": ["scenario", "side", "draw", "group", "half", *AMOUNTS],
    "attention.csv": ["scenario", "attention", "baseline", "value", "change", "low", "high"],
    "funnel.csv": ["scenario", "group", "by", "part", "row", "value", "value_low", "value_high"],
    "fit.csv": ["target", "year", "role", "published", "simulated", "low", "high", "difference_percent", "unit"],
    "unknowns.csv": ["draw"],
    "ledger.csv": ["scenario", "indicator", "group", "month", "baseline", "value", "change", "low", "high"],
    "fund_effects.csv": ["scenario", "home", "part", "change", "low", "high"],
    "who.csv": ["scenario", "group", "metric", *CONTRACT[3:]],
    "tiers.csv": whom.TIER_COLUMNS,
    "years.csv": ["draw", "year", "rate"],
    "gaps.csv": ["scenario", "home", "host", "side", "gap_yuan"],
    "measures.csv": ["scenario", *ATTRIBUTED],
}
"""What of each table a report needs."""
TABLES = (*READ, "prepayment.csv", "league.csv", *reconcile.FILES)
MANIFEST = "manifest.json"
ATTRIBUTION = "attribution.csv"
SPLIT = ("fund_payment", "direct_settlement_rate")
"""What a report splits among measures."""
COALITIONS = "coalitions"
"""Folder beside an attribution where the runs of its coalitions are kept."""
NAMES = (*TABLES, MANIFEST)
ENSEMBLE = "fitted.json"
FITTED = ("candidates.csv", "fit.csv", "learned.csv", ENSEMBLE)
"""What a fit writes, the ensemble last; it carries the hashes of all that it stands on."""
RUN = "headline.json"
KINDS = {RUN: "run", ATTRIBUTION: "attribute", "candidates.csv": "fit"}
"""A file that one command alone writes, and that command."""
REPORTS = ("report.html", "report.pdf")
"""Files of a report that speak of a run, in a folder `report_LANG` of the run's."""
MAX_BYTES = 500_000_000
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "pydantic", "PyYAML")


def prepare(folder: Path, holds: str) -> None:
    """See that the folder can be made and written, before anything is computed.

    holds : the file that tells what the command writes from what others do, of `KINDS`.

    Raises
    ------
    BadInputError : it cannot be made or written, is a file, or holds what another command wrote.
    """
    if other := _other(folder, holds):
        raise BadInputError(f"--out {folder}: holds what `simlib {other}` wrote. Name another folder.")
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


def _other(folder: Path, holds: str) -> str:
    """Return the command that wrote a folder, if it is another than that which writes `holds`."""
    return next((command for name, command in KINDS.items() if name != holds and (folder / name).exists()), "")


def write(folder: Path, runs: Runs, curve: pd.DataFrame, split: Sequence[Attribution] = ()) -> None:
    """Write the results of runs of the whole country; the manifest comes last: a folder with one is complete.

    split : what each measure of a scenario did, for as many scenarios as were split.
    """
    headlines = [headline.facts(runs, pairing, curve) for pairing in runs.pairings]
    tables = {
        "headline.json": (json.dumps(headlines, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode(),
        "effects.csv": csv(experiment.effect(runs)[CONTRACT]),
        "metrics.parquet": parquet(experiment.draws_table(runs)),
        "attention.csv": csv(curve),
        "funnel.csv": csv(funnel.table(runs)),
        "fit.csv": csv(match.fit_table(runs)),
        "unknowns.csv": csv(runs.unknowns.rename_axis("draw").reset_index()),
        "prepayment.csv": csv(match.prepayment_table(runs)),
        "league.csv": csv(_each(runs, [funnel.league(runs, i) for i in range(len(runs.pairings))])),
        "fund_effects.csv": csv(experiment.parts_table(runs)),
        "ledger.csv": csv(experiment.cash_table(runs)),
        "tiers.csv": csv(whom.tier_table(runs)),
        "who.csv": csv(whom.who_table(runs)),
        "years.csv": csv(experiment.years_table(runs)),
        "gaps.csv": csv(_each(runs, [findings.gaps(runs, one) for one in runs.pairings])),
        "measures.csv": csv(_split(split)),
        **books(runs),
    }
    pools = {Path(runs.pools.path).as_posix(): runs.pools.sha256} if runs.pools else {}
    said = {"people_drawn": runs.drawn, "pools_sha256": pools}
    scenarios = [pairing.scenario for pairing in runs.pairings]
    _write(folder, tables, about(scenarios, runs.seed, runs.draws, runs.people, runs.pin) | said)


def _each(runs: Runs, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of each scenario as one, the first column its name."""
    for pairing, table in zip(runs.pairings, tables, strict=True):
        table.insert(0, "scenario", pairing.scenario.name)
    return pd.concat(tables, ignore_index=True)


def _split(found: Sequence[Attribution]) -> pd.DataFrame:
    """Return what each measure did to the metrics that a report tells, of each scenario that was split."""
    tables = [of.table(metric).assign(scenario=of.package.name) for of in found for metric in SPLIT]
    columns = ["scenario", *ATTRIBUTED]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


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
        for old in (path for name in REPORTS for path in folder.glob(f"report_*/{name}")):
            old.unlink()  # of a run that is no more
        for name, content in tables.items():
            write_whole(folder / name, content)
        said = said | {"tables_sha256": {name: digest(content) for name, content in tables.items()}}
        write_whole(folder / MANIFEST, written(said | {"sha256": digest(written(said))}))
    except OSError as error:
        raise BadInputError(
            f"--out {folder}: cannot be written ({error.strerror}). Free space, or name another folder."
        ) from None


def write_fit(folder: Path, fitted: fit.Fitted) -> None:
    """Write what a fit found: of the anchors, of each unknown, then the ensemble."""
    write_whole(folder / "fit.csv", csv(match.fitted_table(fitted)))
    write_whole(folder / "learned.csv", csv(match.learned(fitted.ensemble)))
    ensemble.write(folder / ENSEMBLE, fitted.ensemble)


def books(runs: Runs) -> dict[str, bytes]:
    """Return the files of the books of one draw, reference and scenario, `reconcile.FILES`."""
    made: dict[str, list[pd.DataFrame]] = {"journal": [], "balances": [], "calendar": [], "trial_balance": []}
    names = [pairing.scenario.name for pairing in runs.pairings]
    for number, both in enumerate(runs.books):
        for side, one in enumerate(both):
            entries = journal.entries(one)
            tables = {
                "journal": entries,
                "balances": journal.account_balances(one),
                "calendar": journal.calendar(one),
                "trial_balance": journal.trial_balance(entries),
            }
            for name, columns in tables.items():
                made[name].append(accounts.frame(journal.of_side(columns, names, number, side)))
    whole = {name: pd.concat(made.pop(name), ignore_index=True) for name in list(made)}  # large: one copy at a time
    return {
        "journal.parquet": parquet(whole["journal"]),
        "journal.csv.gz": accounts.zipped(whole["journal"]),
        "balances.parquet": parquet(whole["balances"]),
        "calendar.csv": csv(whole["calendar"]),
        "trial_balance.csv": csv(whole["trial_balance"]),
        "workbook.xlsx": accounts.workbook(whole["journal"], whole["trial_balance"]),
    }


def csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV; numbers with 12 digits, which is beyond what any of them means."""
    return table.to_csv(index=False, float_format="%.12g", lineterminator="\n").encode()


def parquet(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    import pyarrow

    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    pyarrow.default_memory_pool().release_unused()
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
    with believed(folder):
        tables = {
            name: pd.read_parquet(io.BytesIO(raw)) if name.endswith(".parquet") else pd.read_csv(io.BytesIO(raw))
            for name, raw in files_.items()
            if name in READ and not name.endswith(".json")
        }
        if faults := [
            Fault(str(folder / name), 1, 1, f"has no column {listed(lacking)}: forged, its hash fits. Run it again.")
            for name, needed in COLUMNS.items()
            if (lacking := [column for column in needed if column not in tables[name]])
        ]:
            raise BadInputError(*faults)
        return Folder(folder, found, json.loads(files_["headline.json"]), tables)


@contextmanager
def believed(folder: Path) -> Iterator[None]:
    """Tell in one message what breaks while the content of an unaltered folder is used.

    Hashes show a slip, not a forger: who writes a folder by hand can write the hashes that fit it.
    """
    try:
        yield
    except BadInputError:
        raise
    except Exception as error:
        what = shown(f"{type(error).__name__}: {error}", 200)
        raise BadInputError(
            f"{folder}: its hashes fit, but its content is not what `simlib run` writes ({what}). It was put together "
            "by other means. Run the scenario again; if that folder is refused too, this is a fault of simlib."
        ) from error


def checked(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest of a run folder and the bytes of its tables, if all are as they were written.

    Raises
    ------
    BadInputError : with every file that is missing or is not as the manifest says.
    """
    if other := _other(folder, RUN):
        raise BadInputError(f"{folder}: holds what `simlib {other}` wrote. Name the folder of a run.")
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
        what = "not a folder" if folder.exists() else "no such folder"
        raise BadInputError(f"{folder}: {what}. Name the folder that `simlib run` has written.")
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
