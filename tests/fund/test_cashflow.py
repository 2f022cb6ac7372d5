"""The books of a real run: they tie to the loop, reconcile from their files, and follow the scenario's levers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from simlib import cli
from simlib.amounts import AMOUNTS, FUND, VISITS
from simlib.errors import BadInputError
from simlib.files.facts import sha256
from simlib.fund import carried, indicators, journal, ledger, openings, reconcile
from simlib.fund.books import Books, follow
from simlib.patients import areas
from simlib.report import terminal
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.study import accounts, experiment, findings, folders, money
from simlib.terms import CLAIMED, DIRECT, MONTHS, SCHEMES

ROOT = Path(__file__).parents[2]
PEOPLE = 20_000


def written(folder: Path, changes: str, year: int = 2024) -> scenario.Scenario:
    """Return a scenario that makes some changes to the shipped baseline."""
    for name in ("baseline.yaml", "fitted.json"):
        (folder / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    path = folder / "s.yaml"
    head = f"extends: baseline.yaml\nyear: {year}\ntitle: {{zh: 试, en: T}}\nquestion: {{zh: 试, en: T}}\n"
    path.write_text(head + f"changes:\n{changes}", encoding="utf-8")
    return scenario.load(path)


@pytest.fixture(scope="module")
def runs(world: solve.World, delta: scenario.Scenario) -> tuple[simulate.Run, simulate.Run]:
    touched, both = simulate.touched_by(delta), (scenario.reference(delta), delta)
    before, after = (simulate.live(world, of, touched=touched, people=PEOPLE) for of in both)
    return before, after


@pytest.fixture(scope="module")
def books(world: solve.World, runs: tuple[simulate.Run, simulate.Run]) -> tuple[Books, Books]:
    return follow(world, *runs)


@pytest.mark.parametrize("side", [0, 1])
def test_direct_entries_are_the_fund_payments_of_the_loop(
    side: int, runs: tuple[simulate.Run, simulate.Run], books: tuple[Books, Books], place: areas.Place
) -> None:
    paid = runs[side].paid[..., DIRECT].sum(axis=0)  # scheme, home, host, month
    assert paid.sum() > 0
    table = accounts.frame(journal.entries(books[side]))
    direct = table[(table.cause == "direct") & table.month.astype(str).str.startswith("2024")]
    booked = np.zeros_like(paid)
    at = (
        direct.scheme.astype(str).map(SCHEMES.index),
        direct.home.astype(str).map(place.codes.index),
        direct.host.astype(str).map(place.codes.index),
        direct.month.astype(str).str[5:].astype(int) - 1,
    )
    np.add.at(booked, at, direct.fen)
    assert (booked == paid).all()


def test_claims_are_those_of_the_loop(runs: tuple[simulate.Run, simulate.Run], books: tuple[Books, Books]) -> None:
    for run, of in zip(runs, books, strict=True):
        claimed = run.paid[..., CLAIMED].sum(axis=(0, 3))
        assert (of.moves["claim"][1 : 1 + MONTHS, :, :, 0] == np.moveaxis(claimed, -1, 0)).all()


def test_pools_sum_to_the_published_nation(world: solve.World, place: areas.Place) -> None:
    income, spending, balance = openings.synthetic(world, 2024, place)
    for found, hundred_million in ((income, 17342.45), (spending, 13222.71), (balance, 26316.05)):
        assert found[0].sum() / 1e10 == pytest.approx(hundred_million)
    cities = openings.synthetic(world, 2024, areas.load("delta"))
    assert cities[2].sum() == pytest.approx(balance.sum())
    assert (cities[2] > 0).all()


def test_later_years_grow_and_earlier_ones_are_as_published(world: solve.World) -> None:
    assert carried.level(world, 2023) == pytest.approx(1)
    assert (carried.level(world, 2026) >= carried.level(world, 2025)).all()
    assert carried.level(world, 2022)[0] == pytest.approx(762.33 / 1351.26)


def test_a_reform_of_july_holds_in_january_of_the_next_year(world: solve.World, books: tuple[Books, Books]) -> None:
    before, after = (of.flows.direct[MONTHS:].sum(axis=1) for of in books)
    delta = [before_.index(code) for before_ in (books[0].homes,) for code in ("310000", "320000", "330000", "340000")]
    inside = np.ix_(range(ledger.SPAN), delta, delta)
    moved = (after[inside] - before[inside]).sum(axis=(1, 2)) / before[inside].sum(axis=(1, 2))
    assert (moved[:6] == 0).all()
    assert (moved[6:] > 0).all()


def test_nothing_set_changes_nothing(world: solve.World, no_change: scenario.Scenario) -> None:
    run = simulate.live(world, no_change, touched=simulate.touched_by(no_change), people=PEOPLE)
    before, after = follow(world, run, run)
    assert all((before.moves[cause] == after.moves[cause]).all() for cause in before.moves)


def followed(world: solve.World, of: scenario.Scenario, run: simulate.Run) -> tuple[Books, Books]:
    """Return the books of what a scenario does to money alone, on flows that are there already."""
    after = replace(run, scenario=of)
    return follow(world, replace(run, scenario=scenario.reference(of)), after)


def told(of: Books, name: str, group: str = "all") -> np.ndarray:
    return indicators.monthly(of)[list(indicators.INDICATORS).index(name), indicators.groups(of).index(group)]


def test_prepayment_of_three_months_is_half_as_much_again(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 3}}\n")
    before, after = followed(world, of, runs[0])
    assert told(after, "prepayment")[1:] == pytest.approx(1.5 * told(before, "prepayment")[1:], rel=1e-9)
    assert told(after, "use_cleared")[5] == pytest.approx(told(before, "use_cleared")[5] / 1.5, rel=1e-9)


def test_instant_settlement_pays_hospitals_and_leans_on_the_prepayment(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-03, where: {host: shanghai}, set: {ledger.hospital.lag: 0}}\n")
    before, after = followed(world, of, runs[0])
    shanghai, beijing = "host=310000", "host=110000"
    assert told(before, "receivable_days", shanghai)[11] == pytest.approx(61, abs=6)
    assert told(after, "receivable_days", shanghai)[11] < 15
    assert told(after, "use_outstanding", shanghai)[11] > 0.9
    assert told(after, "receivable_days", beijing).tolist() == told(before, "receivable_days", beijing).tolist()


def test_a_late_province_is_overdue_and_nobody_else_is(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, to: 2024-12, where: {home: anhui}, set: {ledger.clearing.late: 2}}\n")
    before, after = followed(world, of, runs[0])
    assert (told(before, "overdue") == 0).all()
    overdue = told(after, "overdue", "home=340000")
    direct = after.flows.direct[MONTHS:, :, after.homes.index("340000")].sum(axis=(1, 2)) / 100
    assert overdue[7] == pytest.approx(direct[4] + direct[5])
    assert (told(after, "overdue") == overdue).all()
    assert overdue[-1] == 0


def test_doubled_flows_of_one_area_for_a_month(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-05, to: 2024-05, where: {home: henan}, set: {ledger.flows.factor: 2}}\n")
    before, after = followed(world, of, runs[0])
    more = (after.flows.direct - before.flows.direct).sum(axis=(1, 3))
    henan = after.homes.index("410000")
    assert more[MONTHS + 4, henan] == before.flows.direct[MONTHS + 4, :, henan].sum()
    more[MONTHS + 4, henan] = 0
    assert (more == 0).all()


def test_net_flows_sum_to_nothing_and_siphons_lie_between_minus_one_and_one(books: tuple[Books, Books]) -> None:
    found = indicators.monthly(books[1])
    names = list(indicators.INDICATORS)
    hosts = slice(-len(books[1].hosts), None)
    assert np.abs(found[names.index("net_flow"), hosts].sum(axis=0)).max() < 1
    assert (np.abs(found[names.index("siphon_index"), hosts]) <= 1).all()


def test_the_parts_of_an_effect_sum_to_the_cash_and_volume_is_constant(
    runs: tuple[simulate.Run, simulate.Run], books: tuple[Books, Books]
) -> None:
    newly, richer, volume, timing, diverted = parts = indicators.effects(runs, books)
    assert (parts[:, 0] == pytest.approx(parts[:, 1:].sum(axis=1))) and (volume == 0).all() and (diverted == 0).all()
    paid = [run.totals[..., AMOUNTS.index("fund_direct") : AMOUNTS.index("fund_claimed") + 1].sum() for run in runs]
    assert newly[0] + richer[0] == pytest.approx((paid[1] - paid[0]) / 100)
    cash = [sum(s * int(of.moves[c][1 : 1 + MONTHS].sum()) for c, s in indicators.PAID) for of in books]
    assert parts[:, 0].sum() == pytest.approx((cash[1] - cash[0]) / 100)
    # A reform of July whose money is cleared two months later: some of the year's is paid in the next.
    assert richer[0] > 0 > timing[0]


def test_a_prepayment_takes_cash_and_costs_nothing(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 3}}\n")
    books = followed(world, of, runs[0])
    newly, richer, volume, timing, diverted = indicators.effects((runs[0], runs[0]), books)
    assert (newly == 0).all() and (richer == 0).all() and (volume == 0).all() and (diverted == 0).all()
    assert timing[0] == pytest.approx((told(books[1], "prepayment") - told(books[0], "prepayment"))[11])


HELD = 1000_00
"""Prepayment of one home at one host, fen, as the warnings are tried on it."""


@pytest.mark.parametrize("definition", ["cleared", "outstanding"])
@pytest.mark.parametrize(("colour", "line"), [("yellow", 700_00), ("red", 900_00)])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_home_is_warned_from_the_line_on_and_not_a_fen_before(
    colour: str, line: int, beyond: int, definition: str
) -> None:
    """Hebei's rule: yellow when the use reaches 70 %, red at 90 % and more, whichever use is meant."""
    month = {"cleared": 0, "outstanding": 1}[definition]  # in either sense a month's flow is in use
    _, was = by_hand((6, 2, 2), (line + beyond, 0, 0))
    terms = was.terms._replace(clearing=was.terms.clearing + month)
    moves = ledger.book(was.flows, terms, np.full((2, 1), 10**9), np.array([[[HELD]], [[0]]]))
    of = replace(was, terms=terms, moves=moves)
    assert indicators.uses(of)[definition][0].sum() == line + beyond and ledger.held(moves)[1].sum() == HELD
    assert told(of, f"homes_{colour}_{definition}")[0] == (beyond >= 0)


# Tables of one draw's books.


def test_the_money_of_a_pair_adds_up(books: tuple[Books, Books]) -> None:
    pair = money.pair_money(books[0], "Anhui", "上海")
    assert pair.month.iloc[[0, -1]].tolist() == ["2024-01", "2026-12"]
    assert pair.due.diff()[1:].to_numpy() == pytest.approx((pair.settled - pair.cleared)[1:].to_numpy())
    assert pair.host_cash.diff()[1:].to_numpy() == pytest.approx(
        (pair.cleared + pair.prepaid - pair.hospitals_paid)[1:].to_numpy()
    )


def test_the_use_of_prepayments_is_that_of_the_books(books: tuple[Books, Books]) -> None:
    table = money.prepayment_use(books[0], "cleared", "2024-06", most=5)
    at = books[0].homes.index("340000"), books[0].hosts.index("310000")
    direct = books[0].flows.direct[MONTHS + 3, :, *at].sum()  # April's care is noticed in June
    assert table.loc["Anhui", "Shanghai"] == direct / ledger.held(books[0].moves)[6, :, *at].sum()
    assert np.isnan(table.loc["Anhui", "Anhui"]) if "Anhui" in table.columns else table.shape == (5, 5)


def test_the_streams_of_the_year_are_all_that_pools_paid(books: tuple[Books, Books]) -> None:
    for lang in ("zh", "en"):
        table = money.money_streams(books[0], lang)
        cash = [sum(s * of.moves[c][1 : 1 + MONTHS].sum() for c, s in indicators.PAID) for of in books[:1]]
        assert table.value.sum() == pytest.approx(cash[0] / 1e10)


# The files.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run of a scenario that only moves money."""
    where = tmp_path_factory.mktemp("run")
    prepayment = "ledger.prepayment.months: 1, ledger.prepayment.increase: 0.5, ledger.fees.transfer: 3.5"
    hospitals = "ledger.hospital.lag: 1, ledger.hospital.advance: 0.5"
    of = written(where, f"  - {{from: 2024-01, set: {{{prepayment}, {hospitals}}}}}\n")
    found = experiment.repeat([of], draws=2, people=2000)
    folders.write(where / "out", found, findings.attention_curve([of], draws=2, seed=0))
    return where / "out"


def test_the_books_of_a_run_reconcile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reconcile", str(folder), "--json"]) == 0
    agreed = json.loads(capsys.readouterr().out)
    assert [one["side"] for one in agreed] == ["reference", "scenario"]
    assert all(one["entries"] > 100_000 for one in agreed)
    causes = pd.read_parquet(folder / "journal.parquet", columns=["side", "cause"]).groupby("side").cause.unique()
    new = {"increased", "advanced", "fee"}
    assert new <= set(causes["scenario"]) and not new & set(causes["reference"])


def test_csv_and_parquet_say_the_same(folder: Path) -> None:
    text = {"home": str, "host": str, "scheme": str}
    csv = pd.read_csv(folder / "journal.csv.gz", dtype=text, keep_default_na=False)
    assert list(csv) == journal.COLUMNS
    pd.testing.assert_frame_equal(csv, pd.read_parquet(folder / "journal.parquet").astype(csv.dtypes))


def test_the_trial_balance_sums_to_nothing(folder: Path) -> None:
    trial = pd.read_csv(folder / "trial_balance.csv").groupby("side")
    assert (trial.closing.sum() == 0).all()
    assert (trial.debit.sum() == trial.credit.sum()).all()


def test_the_workbook_compares_its_journal_with_what_is_stated(folder: Path) -> None:
    entries, trial = openpyxl.load_workbook(folder / "workbook.xlsx").worksheets
    sums: dict[tuple[str, str], float] = {}
    for _, _, _, _, debit, credit, area, yuan in entries.iter_rows(min_row=2, values_only=True):
        sums[debit, area] = sums.get((debit, area), 0.0) + yuan
        sums[credit, area] = sums.get((credit, area), 0.0) - yuan
    rows = list(trial.iter_rows(min_row=2, values_only=True))
    assert rows[0][3].startswith("=SUMIFS(")
    for _, account, area, *_, stated, _ in rows[:-1]:
        assert sums.get((account, area), 0.0) == pytest.approx(stated, abs=0.5), (account, area)


def copied(folder: Path, to: Path) -> Path:
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def rehashed(folder: Path) -> None:
    """Make the manifest agree with files that were edited, as a careful forger would."""
    content = json.loads((folder / "manifest.json").read_text())
    for name in reconcile.FILES:
        content["tables_sha256"][name] = sha256(folder / name)
    (folder / "manifest.json").write_text(json.dumps(content))


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["reconcile", str(folder)]) == 2
    return capsys.readouterr().err


def test_an_incomplete_folder_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no manifest.json: not the folder of a complete run" in refused(tmp_path, capsys)
    copied(folder, tmp_path)
    (tmp_path / "balances.parquet").unlink()
    assert "balances.parquet: missing" in refused(tmp_path, capsys)
    (tmp_path / "manifest.json").write_text("{}")
    assert "names no books" in refused(tmp_path, capsys)


def test_an_edited_file_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied(folder, tmp_path)
    table = pd.read_parquet(tmp_path / "journal.parquet")
    table.loc[100, "fen"] += 1
    table.to_parquet(tmp_path / "journal.parquet", index=False)
    assert "journal.parquet: not the file that the run wrote (SHA-256 differs)" in refused(tmp_path, capsys)
    rehashed(tmp_path)
    said = refused(tmp_path, capsys)
    assert "the journal gives" in said and "Run the scenario again" in said


FORGED = {
    "a trial balance": ("trial_balance.csv", "debit", 1, "trial balance, pool/110000/employee: debit "),
    "a calendar": ("calendar.csv", "due", "2026-12", "fen were paid before their notice, see the calendar"),
}


@pytest.mark.parametrize(("name", "column", "value", "message"), FORGED.values(), ids=FORGED)
def test_a_table_that_the_journal_contradicts_is_refused(
    name: str, column: str, value: Any, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(folder, tmp_path)
    table = pd.read_csv(tmp_path / name, dtype={"home": str, "host": str, "scheme": str}, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(tmp_path / name, index=False)
    rehashed(tmp_path)
    assert message in refused(tmp_path, capsys)


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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ledger.clearing.lag: -1", "-1 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.clearing.late: -1", "-1 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.hospital.lag: -2", "-2 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.hospital.lag: 1.5", "1.5 is not a whole number of months. Write 2."),
        ("ledger.prepayment.months: 50", "50 months is above 12"),
        ("ledger.reserve_employee: 1", "is an unknown that every draw varies"),
        ("ledger.clearing.lagg: 1", "Did you mean ledger.clearing.lag?"),
    ],
)
def test_a_lever_that_cannot_be_is_refused(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"s\.yaml:6:") as refused:
        written(tmp_path, f"  - {{from: 2024-01, set: {{{line}}}}}\n")
    assert message in str(refused.value)


def test_a_lever_of_homes_cannot_be_limited_by_host(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be limited by host"):
        written(tmp_path, "  - {from: 2024-01, where: {host: shanghai}, set: {ledger.clearing.lag: 1}}\n")


# What the pools have, from a table of one's own.


def table_of_pools(place: areas.Place, factor: float = 1.0) -> pd.DataFrame:
    """Return a made-up table: everybody as the nation per head, times a factor."""
    rows = [
        (code, scheme, factor * each * place.insured.mean(), factor * each * place.insured.mean(), factor * each * 3e7)
        for code in place.codes
        for scheme, each in zip(SCHEMES, (1500, 700), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(openings.COLUMNS)).round(2)


def test_pools_open_with_what_a_table_states(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run], place: areas.Place
) -> None:
    table = table_of_pools(place)
    table.to_csv(tmp_path / "pools.csv", index=False)
    found = openings.stated(tmp_path / "pools.csv", place)
    assert found.pools.balance[0, place.index("310000")] == 1500 * 3e7 * 100
    before, after = follow(world, *runs, found.pools)
    reserve = before.moves["opening_balance"][0, :, :, 0] + ledger.held(before.moves)[0].sum(axis=2)
    assert (reserve == found.pools.balance).all()
    assert (after.moves["opening_balance"] == before.moves["opening_balance"]).all()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda t: t.iloc[:-3],
            "pools are missing: Xinjiang resident, Xinjiang Production and Construction Corps employee, ",
        ),
        (lambda t: pd.concat([t, t.iloc[:1]]), "area: also in row 2: one row a pool."),
        (lambda t: t.assign(area=t.area.where(t.index > 0, "Bejing")), "Bejing: no such place. Did you mean Beijing?"),
        (lambda t: t.assign(area=t.area.where(t.index > 0, "长三角")), "expected one area of the geography provinces"),
        (lambda t: t.assign(scheme=t.scheme.where(t.index > 0, "employees")), "Did you mean employee?"),
        (lambda t: t.assign(balance=-t.balance), "below 0, the least allowed"),
        (lambda t: t.drop(columns="income"), "missing: income"),
    ],
)
def test_a_table_of_pools_that_cannot_be_is_refused(
    edit: Callable[[pd.DataFrame], pd.DataFrame], message: str, tmp_path: Path, place: areas.Place
) -> None:
    edit(table_of_pools(place)).to_csv(tmp_path / "pools.csv", index=False)
    with pytest.raises(BadInputError) as refused:
        openings.stated(tmp_path / "pools.csv", place)
    assert message in str(refused.value)


def test_a_table_in_the_wrong_unit_is_warned_of(tmp_path: Path, place: areas.Place) -> None:
    table_of_pools(place, 1e-4).to_csv(tmp_path / "pools.csv", index=False)
    warnings = openings.stated(tmp_path / "pools.csv", place).warnings
    of_income, of_spending, of_balance = warnings
    assert of_balance.startswith(f"{tmp_path / 'pools.csv'}: Beijing employee and 63 more pools: balance of 0.")
    assert of_balance.endswith("per insured person, the nation has 7,094. Amounts are in yuan; is the unit right?")
    assert "the nation has 4,675." in of_income and "the nation has 3,565." in of_spending


# Levers of the rule: what a real run's books say of them.


def test_an_emergency_increase_shortens_the_wait_and_costs_cash_only(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    levers = "ledger.hospital.lag: 0, ledger.prepayment.increase: {}"
    found = []
    for share in (0, 0.2):
        of = written(tmp_path, f"  - {{from: 2024-01, set: {{{levers.format(share)}}}}}\n")
        found.append(followed(world, of, runs[0])[1])
    without, more = found
    assert told(more, "receivable_days")[11] < told(without, "receivable_days")[11] - 1
    assert told(more, "prepayment")[11] > 1.05 * told(without, "prepayment")[11]
    added = (more.moves["collected"] - without.moves["collected"])[1 : 1 + MONTHS].sum()
    assert more.moves["increased"][1 : 1 + MONTHS].sum() > 0.5 * added > 0
    assert told(without, "hospitals_advanced").max() == without.moves["increased"].max() == 0


def test_a_review_in_july_raises_what_has_grown(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-07, to: 2024-07, set: {ledger.prepayment.review: true}}\n")
    before, after = followed(world, of, runs[0])
    kept = [told(books, "prepayment") for books in (before, after)]
    assert (kept[0][:7] == kept[1][:7]).all()
    quarter = before.flows.direct[MONTHS + 3 : MONTHS + 6].sum() / 100  # April to June
    assert kept[1][7:12] == pytest.approx(np.full(5, 2 * quarter / 3), rel=1e-6)
    assert kept[1][14:] == pytest.approx(kept[0][14:], rel=1e-6)  # January's rule again


def test_an_advance_to_one_province_s_hospitals_is_a_month_of_last_year(
    tmp_path: Path, world: solve.World, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, where: {host: shanghai}, set: {ledger.hospital.advance: 1}}\n")
    before, after = followed(world, of, runs[0])
    last = before.flows.direct[:MONTHS, :, :, before.hosts.index("310000")].sum() / 1200
    assert told(after, "hospitals_advanced", "host=310000")[1:12] == pytest.approx(np.full(11, last), rel=1e-6)
    assert told(after, "hospitals_advanced", "host=110000").max() == 0
    assert told(after, "use_outstanding", "host=310000")[6] > told(before, "use_outstanding", "host=310000")[6] + 0.3
    assert (told(after, "pool_balance") == told(before, "pool_balance")).all()


# Parts of an effect, by hand.


def by_hand(
    visits: tuple[int, int, int], fund: tuple[int, int, int], stress: float = 1.0
) -> tuple[simulate.Run, Books]:
    """Return a run and its books of one pool, 100 cases and fen a month in each channel as given, employees only."""
    totals = np.zeros((2, 4, 2, 1, 1, 2, len(AMOUNTS)), dtype=np.int64)
    for start, amounts in ((VISITS, visits), (FUND, fund)):
        totals[0, 0, 0, 0, 0, 0, start : start + 3] = MONTHS * np.array(amounts)
    run = simulate.Run(None, None, 1, totals, *np.zeros((2, 0), dtype=np.int64))  # type: ignore[arg-type]
    every = np.ones((MONTHS + ledger.SPAN, 2, 1, 1), dtype=np.int64)
    every[:, 1] = 0
    direct, claimed = (np.rint(stress * fund[i] * every).astype(np.int64) for i in (0, 1))
    cash = np.full((ledger.SPAN, 2, 1), 10**9)
    nothing = np.zeros_like(direct)
    flows = ledger.Flows(direct, claimed[..., 0], cash, cash // 10, nothing, nothing, nothing[..., 0])
    lags = {"clearing": 0, "late": 0, "hospital": 0}
    none = np.zeros((MONTHS + ledger.SPAN, 1), dtype=np.int64)
    rates = dict.fromkeys(("multiple", "interest", "review", "increase", "advance", "fee", "shared"), none[MONTHS:])
    terms = ledger.PaymentTerms(**{name: none + lag for name, lag in lags.items()}, **rates, claim=0, province=none[0])
    moves = ledger.book(flows, terms, np.full((2, 1), 10**9), np.zeros((2, 1, 1), dtype=np.int64))
    place = (("110000",), ("110000",), np.zeros(1, dtype=np.int64))
    return run, Books(2024, *place, flows, terms, moves, np.zeros_like(cash), np.full((ledger.SPAN, 1), 3.0))


PARTS: dict[str, tuple[Any, Any, tuple[float, float, float, float]]] = {
    # visits and fund payment a month (direct, claimed, abandoned) before and after; parts of the year in fen
    "a dearer price": (((6, 2, 2), (600, 200, 200)), ((6, 2, 2), (660, 200, 200)), (0, 720, 0, 0)),
    "one abandoned case claims": (((6, 2, 2), (600, 200, 200)), ((6, 3, 1), (600, 300, 100)), (1200, 0, 0, 0)),
    "half as many cases again": (((6, 2, 2), (600, 200, 200)), ((9, 3, 3), (900, 300, 300)), (0, 0, 4800, 0)),
    "half as many, dearer, all claim": (
        ((6, 2, 2), (600, 200, 200)),
        ((9, 6, 0), (1080, 600, 0)),
        (3600, 2160, 4800, 0),
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), PARTS.values(), ids=PARTS)
def test_the_parts_of_an_effect_by_hand(before: Any, after: Any, expected: tuple[float, ...]) -> None:
    (first, was), (second, now) = by_hand(*before), by_hand(*after)
    found = indicators.effects((first, second), (was, now))
    assert (found * 100)[:, 1].tolist() == pytest.approx([*expected, 0])
    assert (found[:, 0] == found[:, 1]).all()


def test_stress_is_volume_and_a_lag_is_timing_by_hand() -> None:
    (run, was), (_, doubled) = by_hand((6, 2, 2), (600, 200, 200)), by_hand((6, 2, 2), (600, 200, 200), 2.0)
    assert (indicators.effects((run, run), (was, doubled)) * 100)[:, 0].tolist() == [0, 0, 12 * 800, 0, 0]
    later = ledger.PaymentTerms(
        **{**was.terms._asdict(), "clearing": was.terms.clearing + np.arange(48)[:, None] // 12 * 3}
    )
    moved = replace(
        was, moves=ledger.book(was.flows, later, np.full((2, 1), 10**9), np.zeros((2, 1, 1), dtype=np.int64))
    )
    assert (indicators.effects((run, run), (was, moved)) * 100)[:, 0].tolist() == [0, 0, 0, -3 * 600, 0]


def test_the_limit_of_harm_is_the_share_of_draws_with_more_short_pools(runs: tuple[simulate.Run, simulate.Run]) -> None:
    cash = np.zeros((4, 2, len(indicators.INDICATORS), 1, ledger.SPAN))
    short = list(indicators.INDICATORS).index("pools_below_limit")
    cash[:, :, short] = 2  # as many pools with and without
    cash[1, 1, short, 0, 30] = 3  # one more in one month
    cash[2, 0, short] = 5  # fewer than today
    found = experiment.harmed(SimpleNamespace(cash=(cash,)), 0)  # type: ignore[arg-type]
    assert found == 0.25 > ledger.Ledger.harm_most.number
    cash[3, :, short] = 0
    assert experiment.unharmed(SimpleNamespace(cash=(cash,)), 0) == (0.25, 0.25)  # type: ignore[arg-type]
    cash[3, 1, short, 0, 35] = 1  # the last month counts
    assert experiment.unharmed(SimpleNamespace(cash=(cash,)), 0) == (0.25, 0.0)  # type: ignore[arg-type]


def test_the_limit_of_reserve_is_that_of_the_scenario_on_both_sides(world: solve.World, tmp_path: Path) -> None:
    of = written(tmp_path, "  - {from: 2024-01, where: {home: 上海}, set: {ledger.reserve.least: 24}}\n")
    run = simulate.live(world, scenario.reference(of), touched=simulate.touched_by(of), people=PEOPLE)
    by_rule = told(follow(world, run, run)[0], "pools_below_limit", "home=310000")
    before, after = (told(books, "pools_below_limit", "home=310000") for books in followed(world, of, run))
    assert (before == after).all() and (after > by_rule).all()
    other = "home=320000"
    assert (
        told(followed(world, of, run)[1], "pools_below_limit", other)
        == told(follow(world, run, run)[1], "pools_below_limit", other)
    ).all()


def test_the_limit_of_harm_is_said_to_be_met_up_to_it_and_not_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 1}}\n")
    found, curve = experiment.repeat([of], draws=2, people=1000), findings.attention_curve([of], draws=2, seed=0)
    for share, said in ((0.05, "in 0 of 2 draws (limit 5 %, met)"), (0.06, "in 0 of 2 draws (limit 5 %, not met)")):
        monkeypatch.setattr(experiment, "harmed", lambda *_, share=share: share)
        assert f"more pools short of reserve within 36 months: {said}" in terminal.text(found, curve)


def test_dezhou_opens_with_what_it_published_and_the_nation_stays(world: solve.World) -> None:
    place = areas.load("shandong")
    dezhou = place.index("371400")
    for year, balance in ((2023, 66.38 + 1.10), (2024, 66.38 - 1.10)):
        pools = openings.synthetic(world, year, place)
        assert pools.balance[:, dezhou].sum() / 1e10 == pytest.approx(balance)
        growth = [float(world.values[q][0]) for q in (ledger.Ledger.growth_income, ledger.Ledger.growth_local)]
        found = np.array([of[:, dezhou].sum() / 1e10 for of in pools[:2]]) / (1 + np.array(growth)) ** (year - 2023)
        assert found == pytest.approx([2 * 39.81, 2 * 40.91])
        np.testing.assert_allclose(np.stack([of.sum(axis=1) for of in pools], axis=1), openings.national(year, *growth))
        assert all((of > 0).all() for of in pools)


def test_the_example_of_a_table_of_pools_is_the_nation_per_head(place: areas.Place) -> None:
    found = openings.stated(ROOT / "scenarios" / "pools_nation_per_head.csv", place)
    assert found.warnings == ()
    nation = np.stack([of.sum(axis=1) for of in found.pools], axis=1)
    np.testing.assert_allclose(nation, openings.national(2024, 0.0, 0.0), rtol=1e-9)
