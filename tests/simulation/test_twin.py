"""The benchmark's NumPy twin against the loop, on people under random policies of every form."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from bench_loop import Twin, bands
from slow import random_policy

from simlib.amounts import AMOUNTS
from simlib.benefits import layers
from simlib.benefits.policy import Terms, record
from simlib.patients import visits
from simlib.patients.chronic import DISEASES, RUNGS
from simlib.randomness import key_of, odds_of
from simlib.settlement.channels import reluctances
from simlib.simulation import loop, simulate
from simlib.simulation.loop import Cells
from simlib.simulation.visit import DRAW, MEASURE, Tables
from simlib.terms import FILINGS, KINDS, MEMBERS, MONTHS, PPM, SCHEMES, TIERS

PLACES, BASKETS = 2, 3


def random_draw(rng: Random) -> Any:
    """Return a draw in which every gate, channel and circumstance is open to luck."""
    out = np.zeros(1, dtype=DRAW)
    for name in ("open", "not_networked", "fault", "mended", "attention", "retired"):
        out[name] = odds_of([rng.uniform(0.2, 0.8) for _ in range(out[name].size)])
    out["key"], out["balances"] = key_of(rng.randint(0, 10**6)), visits.balances(rng.choice([100.0, 1e5, 1e7]))
    out["counts"] = np.stack([visits.count_table(rng.uniform(1.5, 8), 1.0) for _ in range(len(out["counts"][0]))])
    out["diseases"] = visits.cumulative(np.array([rng.random() for _ in DISEASES]))
    out["diseases"] /= out["diseases"][0, -1]
    out["disease_bill"] = [rng.uniform(0.1, 5) for _ in DISEASES]
    out["season"], out["tiers"] = visits.cumulative(visits.season()), visits.cumulative(visits.tier_shares(0.6))
    out["tiers_home"], out["baskets"] = out["tiers"], BASKETS
    out["care_at_home"], out["admissions"] = rng.random() < 0.7, visits.admission_tables()
    out["admission_fen"], out["outpatient_fen"] = 10.0 ** rng.randint(4, 7), 10.0 ** rng.randint(3, 5)
    out["in_scope_ppm"] = rng.randint(0, PPM)
    out["coded"] = [odds_of(rng.uniform(0, odds / 2**64)) for odds in out["not_networked"][0]]
    out["as_ordinary"] = odds_of(rng.random())
    out["claim_cost_fen"] = rng.choice([0.0, 1e2, 1e3, 1e4, 1e5])  # without hassle, nothing gained and nothing paid tie
    out["waiting"], out["reluctance"] = 0.05, reluctances(0.7)
    return out[0]


def random_measures(rng: Random) -> Any:
    """Return measures of all sorts; the first row is never asked."""
    out = np.zeros(rng.randint(1, 5), dtype=MEASURE)
    for row in range(len(out)):
        for name in ("unified", "uncoded", "mended", "down", "credit"):
            out[name][row] = odds_of(rng.uniform(0.2, 0.8))
        out["connected"][row] = odds_of([rng.uniform(0.2, 0.8) for _ in TIERS])
        out["bill"][row] = rng.uniform(0.5, 1.5)
        out["claim_cost_fen"][row], out["waiting"][row] = rng.choice([0.0, 1e2, 1e3, 1e4, 1e5]), rng.choice([0.0, 0.05])
    return out


def random_inputs(rng: Random) -> tuple[Cells, Any, Tables]:
    """Return cells of people, a draw and the tables that loop and twin read; where policies are few, layers rest."""
    array = np.random.default_rng(rng.randint(0, 2**32))
    policies = np.zeros(rng.randint(1, 6), dtype=layers.POLICY)
    for row in range(len(policies)):
        policies[row] = record(
            Terms.model_validate(random_policy(rng)), rng.randrange(len(KINDS)), rng.randrange(6), row % 2
        )
    who, asked = 3 * len(SCHEMES) * len(MEMBERS), len(KINDS) * (len(FILINGS) + 1) * MONTHS * len(TIERS)
    which = array.integers(0, len(policies), (who, asked)).astype(np.uint16)
    cover = np.sort(array.integers(0, PPM + 1, (PLACES * len(KINDS) * BASKETS, 3)), axis=1).astype(np.uint32)
    pairs = PLACES * PLACES * len(KINDS)
    measures = random_measures(rng)
    slot, measure = (array.integers(0, n, (pairs, MONTHS)).astype(np.uint16) for n in (PLACES, 2 * len(measures)))
    scale = 10.0 ** array.uniform(3, 9, (len(KINDS) * len(SCHEMES) * len(TIERS), BASKETS))
    listed = array.integers(0, 9, (PLACES * PLACES, MONTHS)).astype(np.uint16)
    ladder = array.integers(0, 1 << len(DISEASES), (9, RUNGS)).astype(np.uint16)
    axes = (1 << len(KINDS), len(SCHEMES), 4, PLACES, PLACES)
    whom = [array.integers(0, size, 6).astype(np.uint8) for size in axes]
    numbers_of = [array.integers(low, high, 6) for low, high in ((1, 12), (1, 5), (0, 10**6), (0, 9), (0, 2))]
    arrays = (scale, visits.bill_quantiles(1.0, 0.1), policies, which, cover, slot, measure, listed, ladder)
    arrays += (np.array([0, 1]), np.array([[1.0, 1.0], [0.3, 1.0]]), measures)  # the second home has two pools
    whom[0] = np.maximum(whom[0], 1)  # everybody uses some kind of care
    return Cells(*whom, *numbers_of), random_draw(rng), Tables(*arrays)


@pytest.mark.parametrize("part", range(2))
def test_the_twin_gives_the_integers_of_the_loop(part: int) -> None:
    ways = np.zeros(len(AMOUNTS), dtype=np.int64)
    for seed in range(150 * part, 150 * (part + 1)):
        cells, draw, tables = random_inputs(Random(seed))
        apart = (PLACES * PLACES * len(SCHEMES) * len(KINDS), MONTHS)
        period = np.random.default_rng(seed).integers(0, 3, apart).astype(np.uint8)
        of_loop, of_twin = simulate.nobody(PLACES, period, 3), simulate.nobody(PLACES, period, 3)
        simulated = loop.loop(cells, draw, tables, of_loop, None)
        assert Twin(draw, tables, of_twin).live(cells) == simulated
        assert all(np.array_equal(*sums) for sums in zip(of_loop[:3], of_twin[:3], strict=True)), seed
        ways += of_loop[0].sum(axis=0)
    of_no_visit = ("benefit_gap", "recovered", "fined", "network_cost")
    assert ways[[i for i, name in enumerate(AMOUNTS) if name not in of_no_visit]].min() > 200  # all ways and causes


def test_bands_may_all_end() -> None:
    """As many bands as a record holds, the last one with an end: beyond it nothing is paid."""
    array = np.random.default_rng(0)
    for count in range(layers.MOST_BANDS + 1):
        ends = np.sort(array.choice(np.arange(1, 1000), layers.MOST_BANDS, replace=False))
        ratios = array.integers(0, PPM + 1, layers.MOST_BANDS)
        start, stop = np.sort(array.integers(0, 1200, (2, 200)), axis=0)
        paid = bands(np.array([count]), ends[None], ratios[None]).pay(np.zeros(200, dtype=np.int64), start, stop)
        slices = zip(start, stop, strict=True)
        assert paid.tolist() == [layers.banded(ends, ratios, count, *slice_) for slice_ in slices]
