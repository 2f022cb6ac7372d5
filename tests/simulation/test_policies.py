"""The policies that the loop reads are those that a single case in the same area gets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from simlib.benefits import area_rules, national
from simlib.benefits.area_rules import Situation
from simlib.benefits.policy import record
from simlib.patients import areas
from simlib.patients.within import Within
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.simulation import policies
from simlib.terms import KINDS, MEMBERS, SCHEMES, TIERS

RATIOS, POINTS = national.middle_ratios(), national.points_off(national.middle())


def same(found: np.void, terms: object, origin: object, kind: int) -> bool:
    """Return whether a record is that of a single case, ratios within the rounding of the defaults."""
    wanted = record(terms, kind, area_rules.grade_of(origin), area_rules.is_local(origin))
    return all(
        np.allclose(found[name], wanted[name], rtol=0, atol=5 if name == "ratio_ppm" else 0)
        for name in found.dtype.names
    )


@pytest.mark.parametrize("year", [2023, 2025])
def test_every_cell_has_the_policy_of_its_area_and_month(place: areas.Place, year: int) -> None:
    of = scenario.load("scenarios/baseline.yaml").model_copy(update={"year": year})
    book = policies.in_force(of, place)
    records = policies.drawn(book, RATIOS, POINTS)
    insurers = [code for pools in place.pools for code, _ in pools]
    own = [n for n, code in enumerate(insurers) if area_rules.ruling(code) == code]
    assert len(own) == 16
    for n, s, member, k, f, m, t in product(own, *map(range, (2, 2, 2, 6)), (0, 3, 11), range(3)):
        asked = {"kind": KINDS[k], "tier": TIERS[t], "filing": policies.ASKED[f], "member": MEMBERS[member]}
        situation = Situation(SCHEMES[s], month=f"{year}-{m + 1:02}", **asked)
        terms, origin = area_rules.terms_of(insurers[n], situation)
        assert same(records[book.which[n, s, member, k, f, m, t]], terms, origin, k), (insurers[n], asked)


def test_every_pool_with_rules_of_its_own_gets_them_too() -> None:
    inside = (*area_rules.WITHIN, area_rules.HOME), POINTS * Within.cut.number
    every = product(
        filter(area_rules.ruling, area_rules.pools()),
        range(2),
        ("2023-06", "2025-11"),
        ((policies.ASKED, POINTS), inside),
    )
    for code, s, month, (filings, points) in every:
        rows = [
            policies._row(asked) for asked in policies._asked(filings, code, s, month, (None,) * len(policies.LEVERS))
        ]
        records = policies.drawn(policies._tabled(np.zeros(1, dtype=np.uint16), rows), RATIOS, points)
        cells = product(MEMBERS, range(len(KINDS)), filings, TIERS)
        for found, (member, k, filing, tier) in zip(records, cells, strict=True):
            asked = {"kind": KINDS[k], "tier": tier, "filing": filing, "member": member}
            terms, origin = area_rules.terms_of(code, Situation(SCHEMES[s], month=month, **asked))
            assert same(found, terms, origin, k), (code, asked)


def test_what_a_scenario_sets_holds_from_its_month_and_is_not_local(
    place: areas.Place, delta: scenario.Scenario
) -> None:
    where = {"home": ("Anhui",), "scheme": ("resident",)}
    change = {"from": "2024-05", "where": where, "set": (("benefits.deductible_yuan.tier3", 1234.0),)}
    of = delta.model_copy(update={"changes": (Change.model_validate(change),)})
    book = policies.in_force(of, place)
    xuancheng = [code for pools in place.pools for code, _ in pools].index("341800")  # has no rules but the province's
    referral = policies.ASKED.index("referral")
    rows = [book.records[book.which[xuancheng, 1, 0, 0, referral, month, 2]] for month in (3, 4)]
    assert rows[0]["deductible_share_ppm"][0] == 200_000 and rows[0]["local"] == 1
    assert rows[1]["deductible_high"][0] == 123_400 * 10**6 and rows[1]["local"] == 0
