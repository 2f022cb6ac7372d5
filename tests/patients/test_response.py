"""How patients answer a policy: nothing by default, more where care is cheaper or more settles directly, never both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib import amounts
from simlib.errors import BadInputError
from simlib.fund.books import follow
from simlib.fund.indicators import EFFECTS, effects
from simlib.patients import areas, response
from simlib.patients.response import Response
from simlib.randomness import odds_of
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.simulation import draws, kept, loop, simulate, solve
from simlib.simulation.measures import Costs
from simlib.study import curve, experiment
from simlib.terms import CHRONIC, EMERGENCY, INPATIENT, KINDS, LONG_STAY, MONTHS, PURPOSES, SCHEMES

ROOT = Path(__file__).parents[2]
PEOPLE = 20_000
FORMS = Response.form.choices[1:]
CASES, MONEY, PAID = (slice(first, first + 3) for first in (amounts.VISITS, amounts.BILLS, amounts.FUND))


@pytest.fixture(scope="module")
def longer() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml")


def formed(parameters: solve.ParameterDraw, form: str, **uncertain: float) -> solve.ParameterDraw:
    """Return a solved draw with a form of response: nothing that is solved hangs on it."""
    own = {q: np.array([uncertain[q.id.partition(".")[2]]]) for q in Response.quantities() if q.id[9:] in uncertain}
    chosen = {Response.form: np.array([float(Response.form.choices.index(form))])}
    return replace(parameters, values={**parameters.values, **chosen, **own})


def both(parameters: solve.ParameterDraw, of: scenario.Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Return the totals of the reference and of a scenario, (kind, scheme, home, host, month, amount)."""
    everywhere, sides = np.ones_like(simulate.touched_by(of)), (scenario.reference(of), of)
    before, after = (
        simulate.by_month(parameters, one, simulate.enacted_in(parameters, one), touched=everywhere, people=PEOPLE).sum(
            axis=0
        )
        for one in sides
    )
    return before, after


def answer(parameters: solve.ParameterDraw, of: scenario.Scenario) -> response.Answer:
    found = simulate.answered(parameters, of, simulate.enacted_in(parameters, of))
    assert found is not None
    return found


def factors(found: response.Answer, place: areas.Place) -> np.ndarray:
    """Return visits against those of the reference, (kind, scheme, home, host, month)."""
    n = len(place.codes)
    share = found.real.astype(np.float64) / 2.0**64 * (1 + response.MARGIN)
    return share.reshape(len(KINDS), len(SCHEMES), n, n, MONTHS)


def test_by_default_nobody_responds(parameters: solve.ParameterDraw, delta: scenario.Scenario) -> None:
    assert response.form(parameters.values) == "none"
    assert simulate.answered(parameters, delta, simulate.enacted_in(parameters, delta)) is None
    before, after = both(parameters, delta)
    assert (before[..., CASES].sum(axis=-1) == after[..., CASES].sum(axis=-1)).all()


@pytest.mark.parametrize("form", FORMS)
def test_no_change_is_exactly_nothing_in_every_form(
    parameters: solve.ParameterDraw, no_change: scenario.Scenario, form: str
) -> None:
    assert simulate.touched_by(no_change).any()
    before, after = both(formed(parameters, form), no_change)
    assert (before == after).all() and before.any()


def test_the_solved_constants_do_not_hang_on_the_form(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    pinned = kept.solved(scenario.reference(delta), 11, 3, {"response.form": "price"})
    assert (pinned.c == parameters.c).all() and (pinned.bill == parameters.bill).all()
    assert response.form(pinned.values) == "price"


def test_the_reference_drawn_at_the_envelope_is_the_reference(
    parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> None:
    """The same totals in expectation, per kind, as without an envelope: who is real comes as often as ever."""
    root, nowhere = scenario.reference(longer), np.zeros_like(simulate.touched_by(longer))
    plain, thinned = (
        simulate.live(formed(parameters, form), root, touched=nowhere, people=400_000).totals.sum(axis=(0, 2, 3, 4, 5))
        for form in ("none", "price")
    )
    for moved, least in ((CASES, 0.02), (MONEY, 0.03), (PAID, 0.03)):
        old, new = (one[:, moved].sum(axis=1).astype(float) for one in (plain, thinned))
        np.testing.assert_allclose(new, old, rtol=2 * least)
        np.testing.assert_allclose(new[INPATIENT], old[INPATIENT], rtol=least)
    rate = [one[:, amounts.VISITS] / one[:, CASES].sum(axis=1) for one in (plain, thinned)]
    np.testing.assert_allclose(rate[0], rate[1], atol=0.01)


def test_cheaper_care_is_asked_for_more_and_only_by_those_it_is_cheaper_for(
    parameters: solve.ParameterDraw, longer: scenario.Scenario, place: areas.Place
) -> None:
    found = factors(answer(formed(parameters, "price", displaced=0.0), longer), place)
    touched = np.moveaxis(scenario.compile(longer, place).touched, (3, 2), (0, 1))
    assert np.abs(found[~touched] - 1).max() < 1e-12
    of_home = found[CHRONIC].min(axis=(2, 3))  # one home pays ordinary care a little better than the chronic list
    assert (of_home < 1 - 1e-12).sum() <= 1 and of_home.min() > 0.999 and found[CHRONIC].max() > 1.005
    assert touched[CHRONIC].any()


def test_visits_and_fund_follow_the_factors(parameters: solve.ParameterDraw, longer: scenario.Scenario) -> None:
    of = formed(parameters, "price", displaced=0.0)
    before, after = both(of, longer)
    found = factors(answer(of, longer), areas.provinces())[CHRONIC]
    old, new = (one[CHRONIC][..., CASES].sum(axis=-1).astype(float) for one in (before, after))
    assert (new >= old).all()  # the same people, and some more
    assert new.sum() / old.sum() == pytest.approx((old * found).sum() / old.sum(), abs=0.01)


@pytest.mark.parametrize("form", FORMS)
def test_without_substitution_a_longer_chronic_list_leaves_admissions_alone(
    parameters: solve.ParameterDraw, longer: scenario.Scenario, form: str
) -> None:
    before, after = both(formed(parameters, form, displaced=0.0, eta=0.2), longer)
    others = np.arange(len(KINDS)) != CHRONIC
    assert (before[others] == after[others]).all()
    assert after[CHRONIC][..., amounts.VISITS].sum() > before[CHRONIC][..., amounts.VISITS].sum()
    assert after[CHRONIC][..., CASES].sum() > before[CHRONIC][..., CASES].sum()


def test_more_chronic_visits_take_the_place_of_admissions_where_that_is_switched_on(
    parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> None:
    off, on = (formed(parameters, "price", displaced=share) for share in (0.0, 0.06))
    assert (both(off, longer)[0] == both(on, longer)[0]).all()  # the reference displaces nothing
    found = factors(answer(on, longer), areas.provinces())
    expected = simulate.cases(on, areas.provinces(), longer.year)[:, :, response.responding("price")].sum(axis=2)
    more = (expected[..., None] * (found - 1)).sum(axis=(1, 2, 3, 4))
    assert more[CHRONIC] > 0 and more[INPATIENT] == pytest.approx(-0.06 * more[CHRONIC], rel=1e-6)
    before, after = both(on, longer)
    assert before[INPATIENT][..., CASES].sum() > after[INPATIENT][..., CASES].sum()
    others = [one[[1, 3]][..., CASES].sum(axis=-1) for one in (before, after)]
    assert (others[0] == others[1]).all()


def test_no_range_of_substitution_or_of_eta_leaves_out_zero() -> None:
    for quantity in (Response.displaced, Response.eta):
        assert quantity.low is not None and quantity.high is not None and quantity.low <= 0 <= quantity.high


@pytest.mark.parametrize("form", FORMS)
def test_emergencies_do_not_respond_and_by_eta_nobody_who_lives_there(form: str) -> None:
    found = response.responding(form)
    assert not found[EMERGENCY] and found[LONG_STAY] == (form == "price") and found.sum() >= len(PURPOSES) - 2


def test_by_eta_who_leaves_home_is_a_logit_of_coverage(parameters: solve.ParameterDraw) -> None:
    leaving, cases = np.full((4, 2, 3), -2.0), np.full((4, 3), 1200.0)
    gained, season = np.zeros((4, 3, MONTHS)), np.full(MONTHS, 1 / MONTHS)
    gained[CHRONIC, 1, 6:] = 30.0  # of 100 cases a month
    found = response.to_coverage(formed(parameters, "eta", eta=0.35).values, leaving, gained, cases, season)
    p = [1 / (1 + np.exp(2.0 - more)) for more in (0.0, 0.35 * 0.3)]
    assert found.visits[CHRONIC, :, 1, :, 6:] == pytest.approx(p[1] / p[0])
    found.visits[CHRONIC, :, 1, :, 6:] = 1.0
    assert (found.visits == 1).all() and (found.bills == 1).all()


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(-0.75, 0))
def test_the_arc_form_is_a_power_for_small_moves_and_undone_by_the_way_back(
    p: float, q: float, elasticity: float
) -> None:
    there, back = (response.arc(np.array([a]), np.array([b]), elasticity)[0] for a, b in ((p, q), (q, p)))
    assert there * back == pytest.approx(1)
    assert (there - 1) * (p - q) >= 0
    near = response.arc(np.array([p]), np.array([p * 1.01]), elasticity)[0]
    assert near == pytest.approx(1.01**elasticity, abs=1e-6)


def test_what_patients_bear_is_bills_less_fund_and_the_trouble_of_claims() -> None:
    totals = np.zeros((1, 1, 1, 1, 1, len(amounts.AMOUNTS)), dtype=np.int64)
    moved = {"visits_claimed": 2, "bill_direct": 900, "bill_claimed": 500, "bill_abandoned": 70, "fund_direct": 600}
    moved |= {"fund_claimed": 300, "owed_abandoned": 100, "owed_on_credit": 200}
    for name, amount in moved.items():
        totals[..., amounts.AMOUNTS.index(name)] = amount
    one = np.ones((1, 1, 1, 1))
    found = response.borne(totals, Costs(10 * one, 0.1 * one))
    assert found.item() == pytest.approx(1470 - 900 + 2 * 10 + 300 * 0.1 / 2)


def test_cells_that_one_scenario_treats_alike_share_a_price(delta: scenario.Scenario, place: areas.Place) -> None:
    found = simulate.treatments(delta, place)
    touched = np.moveaxis(scenario.compile(delta, place).touched, (3, 2), (0, 1))
    assert ((found > 0) == touched).all()
    homes = place.resolve("yangtze-delta")
    for home in homes:
        assert len(np.unique(found[INPATIENT, 0, home][touched[INPATIENT, 0, home]])) == 1
    assert len(np.unique(found[INPATIENT, 0][touched[INPATIENT, 0]])) == len(homes)


def test_more_than_the_envelope_holds_is_refused_with_a_fix(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    free = (("benefits.cap_yuan", 1_000_000.0),)
    change = Change.model_validate({"from": "2024-01", "set": (*free, ("claims.hassle_saved", 1.0))})
    of = delta.model_copy(update={"changes": (change,)})
    with pytest.raises(BadInputError, match=r"come to .* times those of the baseline .*At most 1\.5 can be drawn"):
        answer(formed(parameters, "price", outpatient=-60.0), of)


def test_the_fund_effect_of_volume_has_a_name(parameters: solve.ParameterDraw, longer: scenario.Scenario) -> None:
    of, touched = formed(parameters, "price", displaced=0.0), simulate.touched_by(longer)
    sides = (scenario.reference(longer), longer)
    runs = tuple(simulate.live(of, one, touched=touched, people=PEOPLE) for one in sides)
    parts = effects(runs, follow(of, *runs))  # type: ignore[arg-type]
    volume = parts[EFFECTS.index("volume")]
    assert volume[0] == pytest.approx(volume[1:].sum()) and volume[0] > 0
    totals = [run.totals[:, CHRONIC].sum(axis=(0, 1, 2, 3, 4)).astype(float) for run in runs]
    grown = totals[1][CASES].sum() / totals[0][CASES].sum() - 1
    paid = totals[0][amounts.FUND : amounts.FUND + 2].sum() / 100
    assert volume[0] == pytest.approx(grown * paid, rel=0.3)


def test_forms_stand_side_by_side(longer: scenario.Scenario) -> None:
    table = curve.by_form(longer, "response.form", draws=2, people=5_000)
    assert table.form.unique().tolist() == list(Response.form.choices)
    chronic = table[table.group == "kind=chronic"].set_index(["form", "what"]).change
    assert chronic["none", "cases"] == 0 < chronic["price", "cases"]
    assert chronic["price", "fund_payment"] > chronic["none", "fund_payment"]
    with pytest.raises(BadInputError, match=r"Did you mean response\.form"):
        curve.by_form(longer, "response.from")


def test_a_pinned_form_changes_neither_draws_nor_what_others_draw(delta: scenario.Scenario) -> None:
    plain, pinned = (draws.draw_values(3, 1, pin) for pin in ({}, {"response.form": "eta"}))
    assert all((plain[q] == pinned[q]).all() for q in plain if q is not Response.form)


def test_any_number_of_threads_gives_the_same_response(longer: scenario.Scenario) -> None:
    one, two = (
        experiment.repeat([longer], draws=2, people=3_000, jobs=jobs, pin={"response.form": "price"}) for jobs in (1, 2)
    )
    assert (one.simulated[0].amounts == two.simulated[0].amounts).all()


def simulated(
    parameters: solve.ParameterDraw, of: scenario.Scenario, real: np.ndarray | None, dearer: float = 1.0
) -> np.ndarray:
    """Return the totals of the loop, (kind, month, amount), with a share of people real by month, or without any."""
    place, touched = areas.load(of.geography), simulate.touched_by(of)
    rules, n = simulate.enacted_in(parameters, of), len(place.codes)
    cells = simulate.cells_of(parameters, place, of.year, simulate.focus(touched), PEOPLE, True)
    draw, tables = (
        simulate.draw_record(parameters, of.year, care_at_home=False),
        simulate.tables_of(parameters, rules, of),
    )
    answer = None
    if real is not None:
        shape = (len(KINDS) * len(SCHEMES) * n * n, MONTHS)
        odds, everybody = odds_of(np.broadcast_to(real, shape)), np.ones(len(PURPOSES), dtype=bool)
        answer = response.Answer(odds, np.full(shape, dearer), np.uint64(0), everybody)
    sums = simulate.nobody(n, *simulate.summed_apart(touched, by_month=True))
    number = loop.loop(cells, draw, tables, sums, answer)
    totals = sums.totals.reshape(2, len(KINDS), len(SCHEMES), n * n, MONTHS, -1).sum(axis=(0, 2, 3))
    assert (number == 0) == (totals[..., CASES].sum() == 0)
    return totals


def test_where_everybody_is_real_the_loop_does_what_it_does_without_a_response(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    plain = simulated(parameters, delta, None)
    assert (simulated(parameters, delta, np.ones(MONTHS)) == plain).all()
    assert not simulated(parameters, delta, np.zeros(MONTHS)).any()
    twice = simulated(parameters, delta, np.ones(MONTHS), 2.0)
    bills = [one[..., MONEY].sum() for one in (plain, twice)]
    assert (twice[..., CASES].sum(axis=-1) == plain[..., CASES].sum(axis=-1)).all()
    assert bills[1] / bills[0] == pytest.approx(2, rel=1e-3)  # the cheapest bill is a yuan


def test_only_real_visits_move_the_state_of_the_year(parameters: solve.ParameterDraw, delta: scenario.Scenario) -> None:
    """Who begins in July has all of the deductible before them: the fund owes less on the same bills."""
    plain, later = simulated(parameters, delta, None), simulated(parameters, delta, np.arange(MONTHS) >= 6)
    assert not later[:, :6].any()
    assert not simulated(parameters, delta, np.arange(MONTHS) < 6)[:, 6:].any()
    assert (later[:, 6:, CASES].sum(axis=-1) == plain[:, 6:, CASES].sum(axis=-1)).all()
    owed = [one[INPATIENT, 6:, PAID].sum() for one in (plain, later)]
    assert owed[1] < 0.9998 * owed[0]


def test_where_all_come_in_an_emergency_nobody_responds(
    parameters: solve.ParameterDraw, longer: scenario.Scenario
) -> None:
    pull = parameters.pull
    only = np.broadcast_to(np.eye(len(PURPOSES))[EMERGENCY], pull.purpose.shape)
    urgent = replace(parameters, pull=replace(pull, purpose=only, living_away=np.zeros_like(pull.living_away)))
    for form in FORMS:
        before, after = both(formed(urgent, form), longer)
        assert (before[..., CASES].sum(axis=-1) == after[..., CASES].sum(axis=-1)).all()
        assert (before[..., MONEY].sum(axis=-1) == after[..., MONEY].sum(axis=-1)).all() and before.any()
