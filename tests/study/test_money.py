"""Tables of one draw's books, and the limit of harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shared_books import written

from simlib.fund import indicators, ledger
from simlib.fund.books import Books
from simlib.report import terminal
from simlib.simulation import simulate
from simlib.study import cash as cash_
from simlib.study import experiment, money, results
from simlib.terms import MONTHS


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


def test_the_limit_of_harm_is_the_share_of_draws_with_more_short_pools(runs: tuple[simulate.Run, simulate.Run]) -> None:
    cash = np.zeros((4, 2, len(indicators.INDICATORS), 1, ledger.SPAN))
    short = list(indicators.INDICATORS).index("pools_below_limit")
    cash[:, :, short] = 2  # as many pools with and without
    cash[1, 1, short, 0, 30] = 3  # one more in one month
    cash[2, 0, short] = 5  # fewer than today
    found = cash_.harmed(cash)
    assert found == 0.25 > ledger.Ledger.harm_most.number
    cash[3, :, short] = 0
    assert cash_.unharmed(cash) == (0.25, 0.25)
    cash[3, 1, short, 0, 35] = 1  # the last month counts
    assert cash_.unharmed(cash) == (0.25, 0.0)


def test_the_limit_of_harm_is_said_to_be_met_up_to_it_and_not_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 1}}\n")
    runs = experiment.repeat([of], draws=2, people=1000)
    curve = results.of_runs(runs).curve
    for share, said in ((0.05, "in 0 of 2 draws (limit 5 %, met)"), (0.06, "in 0 of 2 draws (limit 5 %, not met)")):
        monkeypatch.setattr(cash_, "harmed", lambda *_, share=share: share)
        assert f"more pools short of reserves within 36 months: {said}" in terminal.text(
            results.of_runs(runs, curve=curve)
        )
