"""Supervision: what goes back to whom, in the run and in its books, and that it settles no case otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.amounts import AMOUNTS
from simlib.fund import journal, ledger, reconcile
from simlib.fund.books import Books, follow
from simlib.fund.ledger import MONTHS
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.settlement.supervision import Supervision
from simlib.simulation import simulate, solve
from simlib.simulation.simulate import Run
from simlib.study import accounts, metrics
from simlib.terms import FEN, KINDS

ROOT = Path(__file__).parents[2]
SHANGHAI = areas.load("provinces").index("310000")
PAID, RECOVERED, FINED = (AMOUNTS.index(name) for name in ("fund_direct", "recovered", "fined"))


def inspecting(delta: Scenario, share: float, since: str = "2024-07") -> Scenario:
    """Return a scenario of 2024 in which Shanghai finds a share of what is improper in inpatient care."""
    where = {"host": ("shanghai",), "kind": ("inpatient",)}
    change = Change.model_validate({"from": since, "where": where, "set": (("supervision.detected", share),)})
    root = scenario.reference(delta).model_copy(update={"year": 2024})
    return root.model_copy(update={"name": "x", "parent": root, "changes": (change,)})


def simulated(parameters: solve.ParameterDraw, of: Scenario, like: Scenario) -> Run:
    """Return a run that looks closely at what another touches."""
    return simulate.live(parameters, of, touched=simulate.touched_by(like), people=20_000)


@pytest.fixture(scope="module")
def runs(parameters: solve.ParameterDraw, delta: Scenario) -> tuple[Run, Run]:
    of = inspecting(delta, 0.5)
    return simulated(parameters, scenario.reference(of), of), simulated(parameters, of, of)


@pytest.fixture(scope="module")
def books(parameters: solve.ParameterDraw, runs: tuple[Run, Run]) -> tuple[Books, Books]:
    return follow(parameters, *runs)


def test_what_is_recovered_is_the_share_found_of_what_is_improper(
    parameters: solve.ParameterDraw, runs: tuple[Run, Run]
) -> None:
    totals = runs[1].totals
    improper, fine = (float(parameters.values[q][0]) for q in (Supervision.improper, Supervision.fine))
    held = totals[:, KINDS.index("inpatient"), :, :, SHANGHAI, 1]  # from July
    assert held[..., RECOVERED].sum() > 0
    np.testing.assert_allclose(held[..., RECOVERED], 0.5 * improper * held[..., PAID], atol=0.51)
    np.testing.assert_allclose(held[..., FINED], fine * 0.5 * improper * held[..., PAID], atol=0.51)
    for name in (RECOVERED, FINED):
        assert totals[..., name].sum() == held[..., name].sum()  # nowhere and never else
    whole = totals.sum(axis=tuple(range(6)))
    assert metrics.metric("recovered", whole) == whole[RECOVERED] / FEN
    assert metrics.metric("fines", whole) == whole[FINED] / FEN


def test_it_settles_no_case_otherwise_and_takes_nothing_off_what_is_paid(runs: tuple[Run, Run]) -> None:
    before, after = (run.totals[..., :RECOVERED] for run in runs)
    assert (before == after).all()
    assert not runs[0].totals[..., RECOVERED:].any()


def test_at_zero_detection_nothing_is_recovered_or_fined_and_the_books_are_the_same(
    parameters: solve.ParameterDraw, delta: Scenario, runs: tuple[Run, Run]
) -> None:
    none = simulated(parameters, inspecting(delta, 0.0), inspecting(delta, 0.5))
    assert (none.totals == runs[0].totals).all()
    books = follow(parameters, runs[0], none)
    assert all((books[0].moves[cause] == books[1].moves[cause]).all() for cause in ledger.ENTRIES)


def test_the_home_pool_has_what_is_recovered_and_the_authority_of_the_host_the_fines(
    runs: tuple[Run, Run], books: tuple[Books, Books]
) -> None:
    before, after = (ledger.balances(side.moves) for side in books)
    assert (before["penalty"] == 0).all() and (before["earned"] == 0).all()
    recovered, fined = (books[1].moves[cause] for cause in ("recovered", "fined"))
    gained = np.cumsum(recovered.sum(axis=3, keepdims=True), axis=0)
    richer = [sum(side[name].sum(axis=(1, 2, 3)) for name in ("pool", "home", "host")) for side in (before, after)]
    assert (richer[1] - richer[0] == gained.sum(axis=(1, 2, 3))).all() and gained[-1].sum() > 0
    assert (after["penalty"][:, 0, 0] == np.cumsum(fined.sum(axis=(1, 2)), axis=0)).all()
    assert after["penalty"][-1].sum() == after["penalty"][-1, 0, 0, books[1].hosts.index("310000")] > 0
    assert (-after["earned"][:, 0, 0] == np.cumsum((recovered + fined).sum(axis=(1, 2)), axis=0)).all()
    # What is due for the care of the year itself is what the run says, but for the rounding of each cell.
    found = [books[1].flows._asdict()[name][MONTHS : 2 * MONTHS].sum() for name in ("recovered", "fined")]
    np.testing.assert_allclose(found, runs[1].totals[..., [RECOVERED, FINED]].sum(axis=tuple(range(6))), rtol=1e-6)
    assert not recovered[: 1 + 6 + 2].any() and recovered[9].any()  # found when the care of July is cleared


def test_supervision_goes_on_in_later_years(books: tuple[Books, Books]) -> None:
    by_month = books[1].flows.recovered.sum(axis=(1, 2, 3))
    assert (by_month[: MONTHS + 6] == 0).all() and (by_month[MONTHS + 6 :] > 0).all()


def test_the_books_reconcile_and_a_fine_paid_to_a_fund_is_seen(books: tuple[Books, Books]) -> None:
    table = accounts.frame(journal.entries(books[1]))
    stated: dict[str, dict[str, int]] = {}
    for account, month, fen in accounts.frame(journal.account_balances(books[1])).itertuples(index=False):
        stated.setdefault(month, {})[account] = int(fen)
    rows = [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    calendar = accounts.frame(journal.calendar(books[1])).to_dict("records")
    assert list(reconcile.discrepancies(rows, stated, calendar)) == []  # type: ignore[arg-type]
    number = next(i for i, row in enumerate(rows) if row["cause"] == "fined")
    wrong = [*rows[:number], rows[number] | {"debit": "pool/110000/employee"}, *rows[number + 1 :]]
    found = [fault.found for fault in reconcile.discrepancies(wrong, stated, calendar)]  # type: ignore[arg-type]
    assert any("fined debits pool, credits earned; expected penalty" in words for words in found)


def test_the_shipped_scenario_asks_for_every_host() -> None:
    of = scenario.load(ROOT / "scenarios" / "supervision.yaml")
    assert simulate.touched_by(of).any(axis=(0, 2, 3, 4)).all()
