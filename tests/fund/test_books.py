"""The books of a real run: they tie to the loop and follow the scenario's levers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shared_books import PEOPLE, followed, written

from simlib.errors import BadInputError
from simlib.fund import journal, ledger
from simlib.fund.books import Books, follow
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.study import accounts
from simlib.terms import CLAIMED, DIRECT, MONTHS, SCHEMES


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


def test_a_reform_of_january_holds_in_every_month_of_all_years(
    parameters: solve.ParameterDraw, books: tuple[Books, Books]
) -> None:
    before, after = (of.flows.direct[MONTHS:].sum(axis=1) for of in books)
    delta = [before_.index(code) for before_ in (books[0].homes,) for code in ("310000", "320000", "330000", "340000")]
    inside = np.ix_(range(ledger.SPAN), delta, delta)
    moved = (after[inside] - before[inside]).sum(axis=(1, 2)) / before[inside].sum(axis=(1, 2))
    assert (moved > 0).all()


def test_nothing_set_changes_nothing(parameters: solve.ParameterDraw, no_change: scenario.Scenario) -> None:
    run = simulate.live(parameters, no_change, touched=simulate.touched_by(no_change), people=PEOPLE)
    before, after = follow(parameters, run, run)
    assert all((before.moves[cause] == after.moves[cause]).all() for cause in before.moves)


def test_doubled_flows_of_one_area_for_a_month(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-05, to: 2024-05, where: {home: henan}, set: {ledger.flows.factor: 2}}\n")
    before, after = followed(parameters, of, runs[0])
    more = (after.flows.direct - before.flows.direct).sum(axis=(1, 3))
    henan = after.homes.index("410000")
    assert more[MONTHS + 4, henan] == before.flows.direct[MONTHS + 4, :, henan].sum()
    more[MONTHS + 4, henan] = 0
    assert (more == 0).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ledger.clearing.lag: -1", "-1 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.clearing.late: -1", "-1 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.hospital.lag: -2", "-2 whole months is below 0: nothing is paid before its notice. Write "),
        ("ledger.hospital.lag: 1.5", "1.5 is not a whole number of months. Write 2."),
        ("ledger.prepayment.months: 50", "50 months is above 12"),
        ("ledger.reserve_employee: 1", "is an uncertain parameter that every draw varies"),
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
