"""What is carried on: later years are as the own year ended, and care that a response moves is not paid for at home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simlib.benefits import national
from simlib.fund import carried, indicators, journal, ledger, openings, reconcile
from simlib.fund.books import Books, follow, of_scenario
from simlib.fund.ledger import YEARS, Ledger
from simlib.patients import areas, response, visits
from simlib.patients.response import Response
from simlib.quantities import Quantity
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.study import accounts
from simlib.terms import CHRONIC, INPATIENT, KINDS, MONTHS, OUTPATIENT, SCHEMES

ROOT = Path(__file__).parents[2]


def paid(of: Books) -> np.ndarray:
    """Return what funds pay on direct cases and on claims, across provinces or not, by month of the books."""
    flows = of.flows
    return np.asarray(flows.direct.sum(axis=(1, 2, 3)) + flows.claimed.sum(axis=(1, 2)))[MONTHS:]


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("delta_mutual_recognition", 12),  # began in January
        ("delta_mutual_recognition_cities", 12),  # the same, of few people in each city
        ("national_catalogue_phased", 6),  # its second stage began in July
        ("network_roll_out", 3),  # institutions join month by month
        ("drg_for_patients_from_elsewhere", 3),  # bills grow more slowly month by month
    ],
)
def test_the_effect_of_later_years_is_that_of_the_last_months_of_the_own_year(name: str, months: int) -> None:
    of = scenario.load(ROOT / "scenarios" / f"{name}.yaml")
    before, after = (paid(books).reshape(-1, months).sum(axis=1) for books in of_scenario(of, draw=2, people=200_000))
    effect = after / before - 1
    last, *following = effect[MONTHS // months - 1 :]
    assert abs(last) > 0.0002
    assert len(following) == (YEARS - 1) * MONTHS // months
    assert np.array(following) == pytest.approx(last, rel=0.2)


def test_a_month_that_is_as_a_year_before_has_its_flow_and_other_months_that_of_the_settled_ones(
    beside_root: Path,
) -> None:
    text = (ROOT / "scenarios" / "delta_mutual_recognition.yaml").read_text(encoding="utf-8")
    (beside_root / "later.yaml").write_text(text.replace("from: 2024-01", "from: 2024-07"), encoding="utf-8")
    of = scenario.load(beside_root / "later.yaml")
    found = carried.seasons(of, areas.load(of.geography))
    began = np.arange(MONTHS) >= 6  # July
    assert (found.holds[0].any(axis=(0, 1, 2, 3)) == began).all()
    assert found.holds[1].any(axis=(0, 1, 2, 3)).all()
    assert (found.settled == found.holds[0]).all()
    assert (found.repeats[1] == (found.holds[1] == found.holds[0])).all()
    flow = np.full((2, *found.settled.shape), 100)
    levels = [np.ones(len(KINDS)), 1.1 * np.ones(len(KINDS)), np.ones(len(KINDS))]
    moved = carried.over_years(found, levels, flow, np.where(found.settled, flow * 2, flow))
    kind, scheme, home, host, _ = np.argwhere(found.settled)[0]
    assert moved[0, kind, scheme, home, host, [0, 6, 12, 18]].tolist() == [100, 200, 220, 220]
    untouched = ~found.holds[1].any(axis=-1)
    assert untouched.any()
    assert (moved[:, untouched].reshape(2, -1, YEARS, MONTHS) == np.array([100, 110, 100])[:, None]).all()


def test_later_years_grow_and_earlier_ones_are_as_published(parameters: solve.ParameterDraw) -> None:
    assert carried.level(parameters, 2023) == pytest.approx(1)
    middle = {q: (np.array([0.5]) if q.id.startswith("targets.trend") else x) for q, x in parameters.values.items()}
    likely = replace(parameters, values=middle)
    assert (carried.level(likely, 2026) >= carried.level(likely, 2025)).all()
    assert carried.level(parameters, 2022)[0] == pytest.approx(762.33 / 1351.26)


# Care that a response moves elsewhere is no longer paid for at home; where nobody responds, all stays to the fen.

PEOPLE = 20_000
CUT = {Response.displaced: 0.0, Response.eta: 0.2, Ledger.diverted: 0.5}
"""Strengths at which the sign is certain: nothing displaced, and by `eta` more people leave."""


@pytest.fixture(scope="module")
def longer() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml")


def formed(parameters: solve.ParameterDraw, form: str, values: dict[Quantity, float]) -> solve.ParameterDraw:
    """Return a solved draw with a form of response and some parameters set: nothing that is solved hangs on them."""
    own: dict[Quantity, float] = {**values, Response.form: Response.form.choices.index(form)}
    return replace(parameters, values={**parameters.values, **{q: np.array([float(of)]) for q, of in own.items()}})


Both = tuple[tuple[simulate.Run, simulate.Run], tuple[Books, Books]]


def followed(parameters: solve.ParameterDraw, of: scenario.Scenario) -> Both:
    touched = simulate.touched_by(of)
    before, after = (
        simulate.live(parameters, one, touched=touched, people=PEOPLE) for one in (scenario.reference(of), of)
    )
    return (before, after), follow(parameters, before, after)


@pytest.fixture(scope="module", params=["price", "eta"])
def told(
    request: pytest.FixtureRequest, parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> tuple[str, Both]:
    return request.param, followed(formed(parameters, request.param, CUT), longer)


def part(of: Both, name: str) -> np.ndarray:
    return indicators.effects(*of)[indicators.EFFECTS.index(name)]


def test_where_nobody_responds_nothing_is_diverted(parameters: solve.ParameterDraw, longer: scenario.Scenario) -> None:
    both = followed(formed(parameters, "none", {Ledger.diverted: 1.0}), longer)
    before, after = both[1]
    assert not before.diverted.any() and not after.diverted.any() and (before.flows.local == after.flows.local).all()
    assert (part(both, "diverted_from_home") == 0).all()


@pytest.mark.parametrize("form", ["price", "eta"])
def test_no_change_diverts_exactly_nothing(
    form: str, parameters: solve.ParameterDraw, no_change: scenario.Scenario
) -> None:
    both = followed(formed(parameters, form, {Ledger.diverted: 1.0}), no_change)
    assert not both[1][1].diverted.any() and (part(both, "diverted_from_home") == 0).all()


def test_more_care_elsewhere_is_less_at_home_and_told_by_name(told: tuple[str, Both]) -> None:
    """Ten instead of five chronic diseases: visits elsewhere grow, and pools do not look poorer by all of them."""
    _, (runs, (before, after)) = told
    spared = part((runs, (before, after)), "diverted_from_home")
    assert (after.diverted >= 0).all() and not before.diverted.any()
    assert (before.flows.local - after.flows.local == after.diverted).all()
    assert spared[0] == pytest.approx(-after.diverted[:MONTHS].sum() / 100) and spared[0] < 0 and (spared <= 0).all()
    assert -spared[0] < part((runs, (before, after)), "volume")[0]  # a case is cheaper at home
    paid, income = (after.moves[cause][1 : 1 + MONTHS].sum() for cause in ("local_paid", "income"))
    assert before.moves["local_paid"][1 : 1 + MONTHS].sum() - paid == after.diverted[:MONTHS].sum()
    assert before.moves["income"][1 : 1 + MONTHS].sum() == income


def test_it_lasts_and_grows_as_the_care_elsewhere_does(told: tuple[str, Both], parameters: solve.ParameterDraw) -> None:
    _, (_, (_, after)) = told
    yearly = after.diverted.reshape(ledger.YEARS, MONTHS, -1).sum(axis=(1, 2))
    chronic = [carried.level(parameters, after.year + i)[CHRONIC] for i in range(ledger.YEARS)]
    whole = after.diverted[MONTHS : 2 * MONTHS]
    assert (whole.sum(axis=(1, 2)) > 0).all()
    assert yearly[2] / yearly[1] == pytest.approx(chronic[2] / chronic[1], rel=1e-3)


def test_the_books_with_diverted_care_balance_and_reconcile(told: tuple[str, Both]) -> None:
    _, (_, (_, after)) = told
    assert (sum(of.sum(axis=(1, 2, 3)) for of in ledger.balances(after.moves).values()) == 0).all()
    assert (after.moves["local_care"][1:, :, :, 0] == after.flows.local).all()
    stated: dict[str, dict[str, int]] = {}
    for account, month, fen in accounts.frame(journal.account_balances(after)).itertuples(index=False):
        stated.setdefault(month, {})[account] = int(fen)
    columns = journal.COLUMNS[3:6] + journal.COLUMNS[7:]
    rows = accounts.frame(journal.entries(after)).astype(dict.fromkeys(columns, str)).to_dict("records")
    assert list(reconcile.discrepancies(rows, stated, accounts.frame(journal.calendar(after)).to_dict("records"))) == []  # type: ignore[arg-type]


def test_by_price_a_share_is_diverted_and_by_eta_all(
    parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> None:
    found = {
        (form, share): followed(formed(parameters, form, CUT | {Ledger.diverted: share}), longer)[1][1].diverted.sum()
        for form in ("price", "eta")
        for share in (0.0, 0.5, 1.0)
    }
    assert found["price", 0.0] == 0 < found["price", 0.5]
    assert found["price", 1.0] == pytest.approx(2 * found["price", 0.5], rel=1e-4)
    assert found["eta", 0.0] == found["eta", 0.5] == found["eta", 1.0] > 0


def by_hand(parameters: solve.ParameterDraw, form: str, more: dict[int, int], **of: float) -> np.ndarray:
    """Return what a pool of employees is spared, fen by kind: of 100 cases of 1,000 yuan each so many more."""
    ids = {"diverted": Ledger.diverted, "bill": Ledger.diverted_bill, "displaced": Response.displaced}
    scope = {national.Benefits.in_scope_home: 0.8, national.Benefits.ratio_chronic_employee: 0.9}
    of = {"diverted": 0.5, "bill": 0.4, "displaced": 0.0} | of
    v = formed(parameters, form, scope | {ids[name]: number for name, number in of.items()}).values
    before = np.zeros((len(KINDS), len(SCHEMES), 1), dtype=np.int64)
    before[:, 0] = 100
    after = before.copy()
    for kind, number in more.items():
        after[kind, 0] += number
    return carried.spared(v, (before, after), before * 1000_00)[:, 0, 0]


def test_what_is_spared_by_hand(parameters: solve.ParameterDraw) -> None:
    # 10 cases, half of them from home, at 400 instead of 1,000 yuan, of which 80 % enter a ratio of 84.6 or 90 %.
    admitted, chronic = 10 * 0.5 * 400_00 * 0.8 * 0.846, 10 * 0.5 * 400_00 * 0.8 * 0.9
    assert by_hand(parameters, "price", {INPATIENT: 10, CHRONIC: 10}) == pytest.approx([admitted, 0, chronic, 0])
    assert by_hand(parameters, "eta", {INPATIENT: 10}) == pytest.approx([2 * admitted, 0, 0, 0])
    assert by_hand(parameters, "none", {INPATIENT: 10}).tolist() == [0, 0, 0, 0]
    assert by_hand(parameters, "price", {INPATIENT: -10}) == pytest.approx(
        [-admitted, 0, 0, 0]
    )  # they are back at home


def test_an_admission_whose_place_a_visit_took_is_not_back_at_home(parameters: solve.ParameterDraw) -> None:
    found = by_hand(parameters, "price", {CHRONIC: 100, INPATIENT: -5}, displaced=0.05)
    assert found[INPATIENT] == pytest.approx(0, abs=1e-6) and found[CHRONIC] > 0 == found[OUTPATIENT]


def test_a_reform_of_july_diverts_from_july_on_and_in_all_of_the_next_year() -> None:
    shape = (len(KINDS), len(SCHEMES), 1, 1, MONTHS)
    touched = [np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)]
    touched[0][CHRONIC, ..., 6:], touched[1][CHRONIC] = True, True
    yearly = np.zeros(shape[:3])
    yearly[CHRONIC] = 600_000_00
    levels = [np.ones(len(KINDS)), np.full(len(KINDS), 1.1)]
    found = carried.spared_by_month(yearly, touched, levels)[:, 0, 0]
    season = visits.season()
    assert not found[:6].any() and found[6:MONTHS].sum() == pytest.approx(600_000_00, abs=6)
    assert found[MONTHS:] == pytest.approx(1.1 * 600_000_00 * season / season[6:].sum(), abs=1)


def test_no_pool_is_spared_more_than_it_spends_at_home(
    parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> None:
    of = formed(parameters, "eta", CUT)
    runs, (before, _) = followed(of, longer)
    pools = openings.Pools(*np.stack([np.full(before.flows.local.shape[1:], 1e15), *[np.zeros((2, 32))] * 2]))
    _, after = follow(of, *runs, pools)
    assert not after.flows.local.any() and not after.diverted.any()


def test_forms_of_response_are_those_that_divert() -> None:
    assert {carried.diverted_share(form, 0.3) for form in response.Response.form.choices} == {0.0, 0.3, 1.0}
