"""The folder of a run: tables written whole, then a manifest by which they are verified when read back."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from simlib.calibration import fit
from simlib.compiled import rules_sha
from simlib.errors import BadInputError, Fault, did_you_mean, listed, shown
from simlib.files import documents
from simlib.files.facts import hashes, write_whole
from simlib.fund import journal, openings, reconcile
from simlib.fund.books import Books
from simlib.patients import areas
from simlib.scenario import ensemble, scenario
from simlib.study import accounts, attribution, effects, experiment, headline, match
from simlib.study.attribution import Attribution
from simlib.study.experiment import Runs
from simlib.study.results import Results, about
from simlib.study.tables import TABLES, RunTable

MANIFEST = "manifest.json"
NEW = ".new"
"""What follows the name of a file until all files of its run are written."""
ATTRIBUTION = "attribution.csv"
COALITIONS = "coalitions"
"""Folder beside an attribution where the runs of its coalitions are kept."""
NAMES = (*(table.name for table in TABLES), MANIFEST)
BOOKS = reconcile.FOLDER
JOURNAL = reconcile.FILES[0]
ENSEMBLE = "fitted.json"
FITTED = ("candidates.csv", "fit.csv", "learned.csv", ENSEMBLE)
"""What a fit writes, the ensemble last; it carries the hashes of all that it stands on."""
RUN = "headline.json"
KINDS = {RUN: "run", ATTRIBUTION: "attribute", "candidates.csv": "fit", JOURNAL: "books"}
"""A file that one command alone writes, and that command."""
REPORTS = ("report.html", "report.pdf")
"""Files of a report that speak of a run, in a folder `report_LANG` of the run's."""
MAX_BYTES = 500_000_000


def prepare(folder: Path, holds: str) -> None:
    """See that the folder can be made and written, before anything is computed.

    holds : the file that tells what the command writes from what others do, of `KINDS`.

    Raises
    ------
    BadInputError : it cannot be made or written, is a file, or holds what another command or somebody else wrote.
    """
    if other := _other(folder, holds):
        raise BadInputError(f"--out {folder}: holds what `simlib {other}` wrote. Name another folder.")
    if foreign := _foreign(folder, holds):
        held = f"holds what simlib has not written ({listed(map(shown, foreign))})"
        raise BadInputError(f"--out {folder}: {held}. Name a new folder, or an empty one.")
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


def _foreign(folder: Path, holds: str) -> list[str]:
    """Return what stands in a folder that no command of ours has finished and that none leaves when it is stopped.

    A manifest of ours, or the file by which a command is told, makes a folder ours with all that is in it.
    """
    if not folder.is_dir() or ((folder / holds).is_file() and holds != RUN):
        return []
    manifests = (folder / MANIFEST, folder / f"{MANIFEST}{NEW}")  # the second of one who was stopped, see `settle`
    try:
        found: Any = next((json.loads(path.read_bytes()) for path in manifests if path.is_file()), {})
    except (OSError, ValueError, RecursionError):
        found = {}
    if isinstance(found, dict) and {"simlib", "tables_sha256"} <= found.keys():
        return []
    left = (COALITIONS, *FITTED)
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if name not in left and not name.endswith((NEW, ".part"))]


def _other(folder: Path, holds: str) -> str:
    """Return the command that wrote a folder, if it is another than that which writes `holds`."""
    return next((command for name, command in KINDS.items() if name != holds and (folder / name).exists()), "")


def write(folder: Path, results: Results) -> None:
    """Write the results of a run of the whole country; the manifest comes last: a folder with one is complete."""
    content = {table.name: _written(table, results.tables[table.name]) for table in TABLES}
    _write(folder, content, dict(results.manifest))


def write_books(folder: Path, runs: Runs | None = None) -> None:
    """Write the books of one draw below the folder of a finished run, with a manifest that names the run.

    runs : the run in memory; without it, that draw is simulated again from the files that the run names.

    Raises
    ------
    BadInputError : the folder is no finished run, or what the run was made from is not there any more as it was.
    """
    manifest, _ = checked(folder)
    prepare(folder / BOOKS, JOURNAL)
    if runs is None:
        names, both = list(manifest["scenarios"]), _booked(folder, manifest)
    else:
        names = [one.name for one in runs.scenarios]
        both = [simulated.books[0] for simulated in runs.simulated]
    _write(folder / BOOKS, books(names, both), {"simlib": version("simlib"), reconcile.OF_RUN: manifest["sha256"]})


def _booked(folder: Path, manifest: Mapping[str, Any]) -> list[tuple[Books, Books]]:
    """Return the books of a finished run, of the reference and of each scenario, simulated again."""
    path = folder / MANIFEST
    changed = [
        name for name, now in (("rules_sha256", rules_sha()), ("data_sha256", hashes())) if manifest[name] != now
    ]
    if changed:
        what = f"{listed(changed)}: other rules or tables than those of today. Run it again, with --books."
        raise BadInputError(Fault(str(path), 1, 1, what))
    scenarios = [scenario.load(one) for one in manifest["scenarios"].values()]
    pools = [openings.stated(Path(one), areas.load(scenarios[0].geography)) for one in manifest["pools_sha256"]]
    found = {Path(of).as_posix(): sha for one in scenarios for of, sha in one.files()}
    found |= {Path(one.path).as_posix(): one.sha256 for one in pools}
    was = manifest["scenarios_sha256"] | manifest["pools_sha256"]
    if differ := sorted(name for name in was.keys() | found.keys() if was.get(name) != found.get(name)):
        raise BadInputError(*(Fault(name, 1, 1, f"not as when {folder} was run. Run it again.") for name in differ))
    how = {"seed": manifest["seed"], "people": manifest["people"], "pin": manifest["pinned"]}
    return experiment.booked(scenarios, pools=pools[0] if pools else None, **how)


def _written(table: RunTable, made: Any) -> bytes:
    """Return a table as its file has it."""
    if table.name.endswith(".json"):
        return (json.dumps(made, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
    return parquet(made) if table.name.endswith(".parquet") else csv(made)


def write_attribution(folder: Path, split: Attribution, table: pd.DataFrame) -> None:
    """Write the table of an attribution and its manifest; the runs that it was made from stay beside them."""
    levers = [lever.name for lever in attribution.levers(split.package)]
    said = {"metric": str(table["metric"].iloc[0]), "sampled_orders": split.sample, "levers": levers}
    made = about([split.package], seed=split.seed, draws=split.draws, people=split.people, pin=split.pin)
    _write(folder, {ATTRIBUTION: csv(table)}, made | said)


def _write(folder: Path, tables: dict[str, bytes], manifest: dict[str, object]) -> None:
    """Write tables beside those of an earlier run, the manifest last, then put all in place, see `settle`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = manifest | {"tables_sha256": {name: digest(content) for name, content in tables.items()}}
        sealed = written(manifest | {"sha256": digest(written(manifest))})
        with _alone(folder):
            settle(folder)
            try:
                for name, content in (*tables.items(), (MANIFEST, sealed)):
                    write_whole(folder / f"{name}{NEW}", content)
            finally:
                settle(folder)
    except OSError as error:
        raise BadInputError(
            f"--out {folder}: cannot be written ({error.strerror}). Free space, or name another folder."
        ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder while its files change, so that of two runs that write there one comes after the other."""
    try:
        import fcntl
    except ImportError:  # Windows, where a folder cannot be held
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def settle(folder: Path) -> None:
    """Put in place what a run had written whole beside an earlier one when it was stopped; drop what is half written.

    The new manifest is written after all other new files and put in place after them: while it is there under its new
    name the new run is whole, and before that the old one is.
    """
    last = folder / f"{MANIFEST}{NEW}"
    fresh = [path for path in folder.glob(f"*{NEW}") if path != last]
    if not last.is_file():
        for path in fresh:
            path.unlink(missing_ok=True)
        return
    kept = (*(f"report_*/{name}" for name in REPORTS), *(f"{BOOKS}/{name}" for name in (MANIFEST, *reconcile.FILES)))
    for old in (path for name in kept for path in folder.glob(name) if not path.parent.is_symlink()):
        old.unlink()  # of a run that is no more
    for path in (*fresh, last):
        path.replace(path.with_suffix(""))


def write_fit(folder: Path, fitted: fit.Fitted) -> None:
    """Write what a fit found: of the targets, of each uncertain parameter, then the ensemble."""
    write_whole(folder / "fit.csv", csv(match.fitted_table(fitted)))
    write_whole(folder / "learned.csv", csv(match.learned(fitted.ensemble)))
    ensemble.write(folder / ENSEMBLE, fitted.ensemble)


def books(names: Sequence[str], both: Sequence[tuple[Books, Books]]) -> dict[str, bytes]:
    """Return the files of the books of one draw, reference and scenario, `reconcile.FILES`."""
    made: dict[str, list[pd.DataFrame]] = {"journal": [], "balances": [], "calendar": [], "trial_balance": []}
    for number, sides in enumerate(both):
        for side, one in enumerate(sides):
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
    """Return a table as Parquet, in the smallest form that is read everywhere."""
    import pyarrow

    buffer = io.BytesIO()
    numbers = [name for name in table.columns if table[name].dtype.kind in "if"]
    words = [name for name in table.columns if name not in numbers]
    how: dict[str, Any] = {"use_dictionary": words, "compression": "zstd", "compression_level": 9}
    table.to_parquet(buffer, index=False, column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"), **how)
    pyarrow.default_memory_pool().release_unused()
    return buffer.getvalue()


def written(content: dict[str, Any]) -> bytes:
    """Return a manifest as it is written."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read(folder: Path) -> Results:
    """Return a finished run; one that is incomplete, altered or of another version is refused.

    Raises
    ------
    BadInputError : with every file that is missing or is not as the manifest says.
    """
    manifest, content = checked(folder)
    with believed(folder):
        tables = {table.name: _read(table, content[table.name]) for table in TABLES}
        if faults := [
            Fault(str(folder / name), 1, 1, f"has no column {listed(lacking)}: forged, its hash fits. Run it again.")
            for name, lacking in _lacking(tables)
        ]:
            raise BadInputError(*faults)
        place, rows = areas.load(str(tables[RUN][0]["geography"])), tables["metrics.parquet"]
        names = [str(one["scenario"]) for one in tables[RUN]]
        draws = {name: rows[rows["scenario"] == name] for name in names}
        amounts = {name: effects.from_draws(of, place, manifest["draws"]) for name, of in draws.items()}
        return Results(tables, amounts, manifest)


def contradicted(results: Results) -> list[str]:
    """Return what of the headlines and effects of a run its draws do not give: a forger forgets to make them again."""
    wrong = []
    for one in results:
        now = headline.of_amounts(one.amounts, whole=True)
        wrong += [f"{RUN}: {one.name}: {key}" for key, value in now.items() if not _alike(value, one.facts[key])]
    stated, given = results.tables["effects.csv"], effects.table(results.scenarios)[effects.CONTRACT]
    if not _alike(given.to_dict("list"), stated.to_dict("list")):
        wrong.append("effects.csv")
    return wrong


def _alike(one: Any, other: Any) -> bool:
    """Return whether two plain values are the same but for the last digits of numbers.

    >>> _alike({"low": [1.0, None]}, {"low": [1.0 + 1e-13, None]}), _alike([1.0], [1.1])
    (True, False)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _lacking(tables: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each table that lacks columns, and these; of headlines the keys that one of them lacks."""
    for table in TABLES:
        found = tables.get(table.name)
        parts = found if isinstance(found, list) else [] if found is None else [found]
        if lacking := [column for column in table.columns if any(column not in part for part in parts)]:
            yield table.name, lacking


def _read(table: RunTable, raw: bytes) -> Any:
    """Return a table from its file."""
    if table.name.endswith(".json"):
        return json.loads(raw)
    if table.name.endswith(".parquet"):
        return pd.read_parquet(io.BytesIO(raw))
    return pd.read_csv(io.BytesIO(raw), dtype=dict.fromkeys(table.text, str))


def chosen(results: Results, folder: Path, name: str | None) -> Results:
    """Return one scenario of a run, for a command that names it.

    Raises
    ------
    BadInputError : no scenario of this name, or several and none named.
    """
    if name is None and len(results) > 1:
        raise BadInputError(
            f"{folder}: holds {len(results)} scenarios. Add --scenario, one of {listed(results.names)}."
        )
    if name is not None and name not in results.names:
        raise BadInputError(f"--scenario {name}: not in {folder}. {did_you_mean(name, results.names)}")
    return results[name or results.names[0]]


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
    for name in NAMES[:-1]:
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

    if (folder / f"{MANIFEST}{NEW}").is_file():
        with _alone(folder):
            settle(folder)
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
