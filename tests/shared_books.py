"""What the tests of the books share: a scenario of one's own, its books, what they say, and books by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from simlib.amounts import AMOUNTS, FUND, VISITS
from simlib.fund import indicators, ledger
from simlib.fund.books import Books, follow
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.terms import MONTHS

ROOT = Path(__file__).parents[1]
PEOPLE = 20_000


def written(folder: Path, changes: str, year: int = 2024) -> scenario.Scenario:
    """Return a scenario that makes some changes to the shipped baseline."""
    for name in ("baseline.yaml", "fitted.json"):
        (folder / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    path = folder / "s.yaml"
    head = f"extends: baseline.yaml\nyear: {year}\ntitle: {{zh: 试, en: T}}\nquestion: {{zh: 试, en: T}}\n"
    path.write_text(head + f"changes:\n{changes}", encoding="utf-8")
    return scenario.load(path)


def followed(parameters: solve.ParameterDraw, of: scenario.Scenario, run: simulate.Run) -> tuple[Books, Books]:
    """Return the books of what a scenario does to money alone, on flows that are there already."""
    after = replace(run, scenario=of)
    return follow(parameters, replace(run, scenario=scenario.reference(of)), after)


def told(of: Books, name: str, group: str = "all") -> np.ndarray:
    return indicators.monthly(of)[list(indicators.INDICATORS).index(name), indicators.groups(of).index(group)]


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
