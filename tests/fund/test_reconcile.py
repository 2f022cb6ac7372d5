"""The files of the books: they reconcile as they were written, and what was altered is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from shared_books import written

from simlib import cli
from simlib.files.facts import sha256
from simlib.fund import journal, ledger, reconcile
from simlib.fund.books import Books
from simlib.study import accounts, experiment, folders, results
from simlib.terms import MONTHS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run of a scenario that only moves money."""
    where = tmp_path_factory.mktemp("run")
    prepayment = "ledger.prepayment.months: 1, ledger.prepayment.increase: 0.5, ledger.fees.transfer: 3.5"
    hospitals = "ledger.hospital.lag: 1, ledger.hospital.advance: 0.5"
    of = written(where, f"  - {{from: 2024-01, set: {{{prepayment}, {hospitals}}}}}\n")
    made = results.of_runs(experiment.repeat([of], draws=2, people=2000))
    folders.write(where / "out", made)
    folders.write_books(where / "out", made.runs)
    return where / "out"


def test_the_books_of_a_run_reconcile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reconcile", str(folder), "--json"]) == 0
    agreed = json.loads(capsys.readouterr().out)
    assert [one["side"] for one in agreed] == ["baseline", "scenario"]
    assert all(one["entries"] > 100_000 for one in agreed)
    causes = (
        pd.read_parquet(folder / "books" / "journal.parquet", columns=["side", "cause"])
        .groupby("side", observed=True)
        .cause.unique()
    )
    new = {"increased", "advanced", "fee"}
    assert new <= set(causes["scenario"]) and not new & set(causes["baseline"])


def test_csv_and_parquet_say_the_same(folder: Path) -> None:
    text = {"home": str, "host": str, "scheme": str}
    csv = pd.read_csv(folder / "books" / "journal.csv.gz", dtype=text, keep_default_na=False)
    assert list(csv) == journal.COLUMNS
    pd.testing.assert_frame_equal(csv, pd.read_parquet(folder / "books" / "journal.parquet").astype(csv.dtypes))


def test_the_trial_balance_sums_to_nothing(folder: Path) -> None:
    trial = pd.read_csv(folder / "books" / "trial_balance.csv").groupby("side")
    assert (trial.closing.sum() == 0).all()
    assert (trial.debit.sum() == trial.credit.sum()).all()


def test_the_workbook_compares_its_journal_with_what_is_stated(folder: Path) -> None:
    entries, trial = openpyxl.load_workbook(folder / "books" / "workbook.xlsx").worksheets
    sums: dict[tuple[str, str], float] = {}
    for _, _, _, _, debit, credit, area, yuan in entries.iter_rows(min_row=2, values_only=True):
        sums[debit, area] = sums.get((debit, area), 0.0) + yuan
        sums[credit, area] = sums.get((credit, area), 0.0) - yuan
    rows = list(trial.iter_rows(min_row=2, values_only=True))
    assert rows[0][3].startswith("=SUMIFS(")
    for _, account, area, *_, stated, _ in rows[:-1]:
        assert sums.get((account, area), 0.0) == pytest.approx(stated, abs=0.5), (account, area)


def copied(folder: Path, to: Path) -> Path:
    """Return the books of a copy of a run."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return to / reconcile.FOLDER


def rehashed(books: Path, **more: object) -> None:
    """Make the manifest agree with files that were edited, as a careful forger would."""
    content = json.loads((books / "manifest.json").read_text()) | more
    for name in reconcile.FILES:
        content["tables_sha256"][name] = sha256(books / name)
    (books / "manifest.json").write_text(json.dumps(content))


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["reconcile", str(folder)]) == 2
    return capsys.readouterr().err


def test_an_incomplete_folder_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no manifest.json: not the folder of a complete run" in refused(tmp_path, capsys)
    books = copied(folder, tmp_path)
    (books / "balances.parquet").unlink()
    assert "balances.parquet: missing" in refused(tmp_path, capsys)
    (books / "manifest.json").write_text("{}")
    assert "no manifest of books" in refused(tmp_path, capsys)
    (books / "manifest.json").unlink()
    assert f"no books in it, which a run writes on request. Make them: simlib books {tmp_path}" in refused(
        tmp_path, capsys
    )


def test_books_of_another_run_are_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rehashed(copied(folder, tmp_path), **{reconcile.OF_RUN: "0" * 64})
    assert "of another run than the one in" in refused(tmp_path, capsys)


def test_an_edited_file_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = copied(folder, tmp_path)
    table = pd.read_parquet(books / "journal.parquet")
    table.loc[100, "fen"] += 1
    table.to_parquet(books / "journal.parquet", index=False)
    assert "journal.parquet: altered: its SHA-256 is not the one in the manifest" in refused(tmp_path, capsys)
    rehashed(books)
    said = refused(tmp_path, capsys)
    assert "the journal gives" in said and "Run the scenario again" in said


LEFT_OUT = {
    "the scenario's side": ("side != 'scenario'", "scenario: no books of it"),
    "all books": ("side == ''", "no books of it"),
    "two years": ("month < '2025-01'", "balances of 13 months. Expected 37."),
}


@pytest.mark.parametrize(("left", "message"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_books_without_a_part_are_refused_though_hashes_fit(
    left: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = copied(folder, tmp_path)
    for name in ("journal.parquet", "balances.parquet"):
        pd.read_parquet(books / name).astype(str).astype({"fen": int}).query(left).to_parquet(books / name, index=False)
    rehashed(books)
    assert message in refused(tmp_path, capsys)


FORGED = {
    "a trial balance": ("trial_balance.csv", "debit", 1, "trial balance, pool/110000/employee: debit "),
    "a calendar": ("calendar.csv", "due", "2026-12", "fen were paid before their notice, see the calendar"),
}


@pytest.mark.parametrize(("name", "column", "value", "message"), FORGED.values(), ids=FORGED)
def test_a_table_that_the_journal_contradicts_is_refused(
    name: str, column: str, value: Any, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = copied(folder, tmp_path)
    table = pd.read_csv(books / name, dtype={"home": str, "host": str, "scheme": str}, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(books / name, index=False)
    rehashed(books)
    assert message in refused(tmp_path, capsys)


def test_books_made_later_have_the_same_bytes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = copied(folder, tmp_path)
    shutil.rmtree(books)
    assert cli.main(["books", str(tmp_path)]) == 0
    for path in (folder / reconcile.FOLDER).iterdir():
        assert path.read_bytes() == (books / path.name).read_bytes()


def test_books_of_a_scenario_that_was_edited_since_are_not_made(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = copied(folder, tmp_path)
    shutil.rmtree(books)
    (path,) = json.loads((folder / "manifest.json").read_text())["scenarios"].values()
    was = Path(path).read_bytes()
    try:
        Path(path).write_bytes(was + b"# edited\n")
        assert cli.main(["books", str(tmp_path)]) == 2
    finally:
        Path(path).write_bytes(was)
    assert f"{path}:1:1: not as when {tmp_path} was run. Run it again." in capsys.readouterr().err
    assert not books.exists()


Small = tuple[pd.DataFrame, dict[str, dict[str, int]], list[Any]]


@pytest.fixture(scope="module")
def small() -> Small:
    """Return the journal, the balances and the calendar of two provinces, one's flows growing, the other's falling."""
    months, codes = MONTHS + ledger.SPAN, ("110000", "310000")
    direct = np.zeros((months, 2, 2, 2), dtype=np.int64)
    direct[:, :, 0, 1] = np.arange(9000, 9000 - 10 * months, -10)[:, None]
    direct[:, :, 1, 0] = np.arange(9000, 9000 + 10 * months, 10)[:, None]
    pool = np.full((months, 2, 2), 70_00)
    spends = np.array([10, 200]) * pool[MONTHS:]  # the second pool more than it has
    flows = ledger.Flows(direct, pool, 100 * pool[MONTHS:], spends, direct // 20, direct // 30, pool)
    lags = (np.full((months, 2), lag) for lag in (2, 0, 1))
    every = np.ones((ledger.SPAN, 2), dtype=np.int64)
    rates = {"review": 0 * every, "increase": 400_000 * every, "advance": 900_000 * every, "fee": every}
    rates |= {"shared": 1_000_000 * every, "province": np.zeros(2, dtype=np.int64)}
    terms = ledger.PaymentTerms(2_000_000 * every, *lags, 15_000 * every, 2, **rates)
    moves = ledger.book(flows, terms, np.full((2, 2), 10**7), 2 * direct[0])
    of = Books(2024, codes, codes, np.arange(2), flows, terms, moves, np.zeros_like(flows.local), 3.0 * every)
    stated: dict[str, dict[str, int]] = {}
    for account, month, fen in accounts.frame(journal.account_balances(of)).itertuples(index=False):
        stated.setdefault(month, {})[account] = int(fen)
    table = accounts.frame(journal.entries(of)).astype(dict.fromkeys(journal.COLUMNS[3:6] + journal.COLUMNS[7:], str))
    return table, stated, accounts.frame(journal.calendar(of)).to_dict("records")


def found(table: pd.DataFrame, stated: dict[str, dict[str, int]], calendar: list[Any]) -> str:
    """Return what is wrong with a journal, as one text."""
    faults = reconcile.discrepancies(table.to_dict("records"), stated, calendar)  # type: ignore[arg-type]
    return "\n".join(f"{fault.where}: {fault.found}" for fault in faults)


def test_a_journal_that_holds_has_no_faults(small: Small) -> None:
    assert found(*small) == ""


EDITS = {
    "a month is dropped": (lambda t: t[t.month != "2025-03"], "expected entry"),
    "an entry of nothing": (lambda t: t.assign(fen=t.fen.where(t.entry != 5, 0)), "an entry moves more than nothing"),
    "a fen more": (lambda t: t.assign(fen=t.fen + (t.entry == 9)), "the journal gives"),
    "an unknown cause": (lambda t: t.assign(cause=t.cause.where(t.entry != 5, "gift")), "gift: no such cause"),
    "an unknown account": (
        lambda t: t.assign(debit=t.debit.where(t.entry != 5, "pool/999999/employee")),
        "no balance of this account is stated",
    ),
    "sides swapped": (
        lambda t: t.assign(debit=t.debit.where(t.entry != 3, t.credit), credit=t.credit.where(t.entry != 3, t.debit)),
        "opening_balance debits equity, credits pool; expected pool, equity",
    ),
    "an entry too late": (
        lambda t: t.assign(month=t.month.where(t.entry != t.entry.max() - 5, "2024-01")),
        "entries stand in the order of months",
    ),
    "another calendar": (lambda t: t.assign(month="2031-01"), "month 2031-01 is not one of the books"),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS)
def test_a_journal_that_does_not_hold_is_refused(
    edit: Callable[[pd.DataFrame], pd.DataFrame], message: str, small: Small
) -> None:
    table, stated, calendar = small
    assert message in found(edit(table), stated, calendar)


@pytest.mark.parametrize("cause", ledger.ENTRIES)
def test_a_journal_without_one_cause_disagrees(cause: str, small: Small) -> None:
    table, stated, calendar = small
    left = table[table.cause != cause]
    assert len(left) < len(table)
    assert "the journal gives" in found(left.assign(entry=range(1, len(left) + 1)), stated, calendar)


def test_paid_out_before_it_was_settled_passes_a_bound(small: Small) -> None:
    """A payment before its notice: the balances may be forged to agree, the bound is passed all the same."""
    table, stated, calendar = small
    late = table.cause == "direct"
    moved = table.assign(fen=table.fen.where(~late, 1))
    assert "is below 0, its bound" in found(moved, forged(moved, stated), calendar)
    assert "is above 0, its bound" in found(moved, forged(moved, stated), calendar)


def forged(table: pd.DataFrame, stated: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Return the balances that fit a journal, as a careful forger states them."""
    out, balance = {}, dict.fromkeys(next(iter(stated.values())), 0)
    for month in stated:
        for entry in table[table.month == month].itertuples():
            balance[str(entry.debit)] += int(entry.fen)
            balance[str(entry.credit)] -= int(entry.fen)
        out[month] = dict(balance)
    return out


CHAINS = {
    "claims": ("claim_paid",),
    "hospitals": ("hospital_paid",),
    "hospitals in the own province": ("within_paid", "collected"),
    "clearing": ("cleared", "borne", "collected"),
}
"""Payments with the entries that pass them on: what a careful forger moves together."""


@pytest.mark.parametrize(("by", "message"), [(-1, "were paid before their notice"), (1, "are due and not paid")])
@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("month", ["2024-02", "2024-07", "2026-05"])
def test_a_payment_moved_by_a_month_is_seen_though_balances_agree(
    month: str, chain: tuple[str, ...], by: int, message: str, small: Small
) -> None:
    """Also of what was settled before the books open; the calendar tells when each is due."""
    table, stated, calendar = small
    moved = table.copy()
    other = f"{month[:5]}{int(month[5:]) + by:02}"
    payment = table[(table.month == month) & (table.cause == chain[0]) & (table.home == "110000")]
    assert len(payment)
    moved.loc[payment.index, "month"] = other
    for cause in chain[1:]:  # of what is collected, the part that this payment passes on
        if cause != "collected":
            moved.loc[
                table[(table.month == month) & (table.cause == cause) & (table.home == "110000")].index, "month"
            ] = other
            continue
        for scheme, fen in payment.groupby("scheme").fen.sum().items():
            of = (table.cause == cause) & (table.home == "110000") & (table.scheme == scheme)
            moved.loc[of & (table.month == month), "fen"] -= fen
            moved.loc[of & (table.month == other), "fen"] += fen
    moved = moved[moved.fen > 0].sort_values(["month"], kind="stable").assign(entry=lambda t: range(1, len(t) + 1))
    assert message in found(moved, forged(moved, stated), calendar)


def test_care_moved_by_a_month_is_seen_though_balances_agree(small: Small) -> None:
    table, stated, calendar = small
    at = table[(table.cause == "direct") & (table.month == "2025-04")].index
    for month, message in (("2025-03", "are due and not paid"), ("2025-05", "were paid before their notice")):
        moved = table.copy()
        moved.loc[at, "month"] = month
        moved = moved.sort_values(["month"], kind="stable").assign(entry=range(1, len(table) + 1))
        assert message in found(moved, forged(moved, stated), calendar)


def test_an_account_that_is_left_out_of_a_month_is_seen(small: Small) -> None:
    table, stated, calendar = small
    short = {
        month: {a: fen for a, fen in of.items() if (month, a[:4]) != ("2025-03", "host")}
        for month, of in stated.items()
    }
    assert "8 accounts are not those of the first month: host/" in found(table, short, calendar)
