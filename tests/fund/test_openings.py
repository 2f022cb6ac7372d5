"""What the books open with: the published nation, a city's own figures, or a table of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib.errors import BadInputError
from simlib.fund import ledger, openings
from simlib.fund.books import follow
from simlib.patients import areas
from simlib.simulation import simulate, solve
from simlib.terms import SCHEMES

ROOT = Path(__file__).parents[2]


def test_pools_sum_to_the_published_nation(parameters: solve.ParameterDraw, place: areas.Place) -> None:
    income, spending, balance = openings.synthetic(parameters, 2024, place)
    for found, hundred_million in ((income, 17342.45), (spending, 13222.71), (balance, 26316.05)):
        assert found[0].sum() / 1e10 == pytest.approx(hundred_million)
    cities = openings.synthetic(parameters, 2024, areas.load("delta"))
    assert cities[2].sum() == pytest.approx(balance.sum())
    assert (cities[2] > 0).all()


def table_of_pools(place: areas.Place, factor: float = 1.0) -> pd.DataFrame:
    """Return a made-up table: everybody as the nation per head, times a factor."""
    rows = [
        (code, scheme, factor * each * place.insured.mean(), factor * each * place.insured.mean(), factor * each * 3e7)
        for code in place.codes
        for scheme, each in zip(SCHEMES, (1500, 700), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(openings.COLUMNS)).round(2)


def test_pools_open_with_what_a_table_states(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run], place: areas.Place
) -> None:
    table = table_of_pools(place)
    table.to_csv(tmp_path / "pools.csv", index=False)
    found = openings.stated(tmp_path / "pools.csv", place)
    assert found.pools.balance[0, place.index("310000")] == 1500 * 3e7 * 100
    before, after = follow(parameters, *runs, found.pools)
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


def test_dezhou_opens_with_what_it_published_and_the_nation_stays(parameters: solve.ParameterDraw) -> None:
    place = areas.load("shandong")
    dezhou = place.index("371400")
    for year, balance in ((2023, 66.38 + 1.10), (2024, 66.38 - 1.10)):
        pools = openings.synthetic(parameters, year, place)
        assert pools.balance[:, dezhou].sum() / 1e10 == pytest.approx(balance)
        growth = [float(parameters.values[q][0]) for q in (ledger.Ledger.growth_income, ledger.Ledger.growth_local)]
        found = np.array([of[:, dezhou].sum() / 1e10 for of in pools[:2]]) / (1 + np.array(growth)) ** (year - 2023)
        assert found == pytest.approx([2 * 39.81, 2 * 40.91])
        np.testing.assert_allclose(np.stack([of.sum(axis=1) for of in pools], axis=1), openings.national(year, *growth))
        assert all((of > 0).all() for of in pools)


def test_the_example_of_a_table_of_pools_is_the_nation_per_head(place: areas.Place) -> None:
    found = openings.stated(ROOT / "scenarios" / "pools_nation_per_head.csv", place)
    assert found.warnings == ()
    nation = np.stack([of.sum(axis=1) for of in found.pools], axis=1)
    np.testing.assert_allclose(nation, openings.national(2024, 0.0, 0.0), rtol=1e-9)
