"""The fund's money: every fen has a payer and a payee, nobody pays what it does not have, and known cases come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from simlib.files.facts import value
from simlib.fund import journal, ledger, reconcile
from simlib.fund.books import Books
from simlib.fund.ledger import ENTRIES, MONTHS, SPAN, Flows, Moves, PaymentTerms, balances, book, held
from simlib.study import accounts
from simlib.terms import PPM

ALL = MONTHS + SPAN
YUAN = 100


def terms(homes: int, hosts: int, *, clearing: int = 2, hospital: int = 1, claim: int = 2, **of: Any) -> PaymentTerms:
    """Return the same terms in all months."""
    late = np.zeros((ALL, homes), dtype=np.int64) + np.asarray(of.get("late", 0))
    return PaymentTerms(
        np.full((SPAN, homes), round(of.get("months", 2.0) * PPM)),
        np.full((ALL, homes), clearing),
        late,
        np.full((ALL, hosts), hospital),
        np.full((SPAN, hosts), of.get("interest", 0)),
        claim,
        review=np.zeros((SPAN, homes), dtype=np.int64),
        increase=np.full((SPAN, homes), of.get("increase", 0)),
        advance=np.full((SPAN, hosts), round(of.get("advance", 0) * PPM)),
        fee=np.full((SPAN, homes), of.get("fee", 0)),
        shared=np.full((SPAN, homes), round(of.get("shared", 0) * PPM)),
        province=np.asarray(of.get("province", np.arange(homes) % hosts)),
    )


def steady(direct: Any, claimed: int = 0, income: int = 10**9, local: int = 10**8, within: int = 0) -> Flows:
    """Return the same flows in all months; `direct` by (scheme, home, host)."""
    direct = np.asarray(direct, dtype=np.int64)
    pool = direct.shape[:2]
    return Flows(
        np.broadcast_to(direct, (ALL, *direct.shape)).copy(),
        np.full((ALL, *pool), claimed),
        np.full((SPAN, *pool), income),
        np.full((SPAN, *pool), local),
        *np.zeros((2, ALL, *direct.shape), dtype=np.int64),
        np.full((ALL, *pool), within),
    )


def rich(flows: Flows) -> np.ndarray:
    """Return balances that no flow here uses up."""
    return np.full(flows.claimed.shape[1:], 10**11)


def opened_by_rule(flows: Flows, of: PaymentTerms) -> np.ndarray:
    """Return prepayments as the rule of last year set them."""
    return ledger.prepayment(flows.direct[:MONTHS], of.multiple[0][None, :, None])


PAIR = [[[0, 900_00], [300_00, 0]], [[0, 60_00], [500_00, 0]]]
"""Fund payment a month by scheme, home and host of two provinces, fen."""


@pytest.fixture(scope="module")
def flows() -> Flows:
    """Flows that differ from month to month, so that a month's shift shows."""
    out = steady(PAIR, claimed=70_00, within=40_00)
    season = np.arange(ALL)[:, None, None]
    out.local[:, :, 1] = 5 * 10**9  # the second pool soon lives on what the first can spare
    return Flows(
        out.direct * (20 + np.arange(ALL) % 7)[:, None, None, None],
        out.claimed + season,
        out.income + season[:SPAN],
        out.local + season[:SPAN],
        out.direct * (20 + np.arange(ALL) % 7)[:, None, None, None] // 20,
        out.direct * (20 + np.arange(ALL) % 7)[:, None, None, None] // 30,
        out.within + 2 * season,
    )


@pytest.fixture(scope="module")
def usual() -> PaymentTerms:
    return terms(2, 2, interest=15_000, shared=1, province=[0, 0])


@pytest.fixture(scope="module")
def moves(flows: Flows, usual: PaymentTerms) -> Moves:
    return book(flows, usual, rich(flows), opened_by_rule(flows, usual))


@pytest.fixture(scope="module")
def strained(flows: Flows) -> Moves:
    """Return the books of hospitals paid at once, whose hosts ask for half as much again when they are in red."""
    of = terms(2, 2, hospital=0, increase=500_000, shared=1, province=[0, 0])
    return book(flows, of, rich(flows), opened_by_rule(flows, of))


@pytest.fixture(scope="module")
def ahead(flows: Flows) -> Moves:
    """Return the books of hospitals paid as clearing comes, half a month in advance (a quarter in the second year)."""
    of = terms(2, 2, hospital=2, advance=0.5, fee=3_00, shared=1, province=[0, 0])
    of.advance[MONTHS : 2 * MONTHS] //= 2
    return book(flows, of, rich(flows), opened_by_rule(flows, of))


@pytest.fixture
def of_cause(request: pytest.FixtureRequest, cause: str) -> Moves:
    """Return books in which a cause occurs."""
    where = {"increased": "strained", "advanced": "ahead", "recouped": "ahead", "fee": "ahead"}
    found: Moves = request.getfixturevalue(where.get(cause, "moves"))
    return found


def later(flow: np.ndarray, lag: int) -> np.ndarray:
    """Return a flow of all months as it falls due in the months of the books."""
    return flow[MONTHS - lag : MONTHS - lag + SPAN]


# What must hold of the entries of each cause, where nobody is short of cash: written from the rules, not the code.


def pools_take_in_their_income(m: Moves, f: Flows) -> None:
    assert (m["income"][1:, :, :, 0] == f.income).all()


def local_care_is_owed_in_its_month(m: Moves, f: Flows) -> None:
    assert (m["local_care"][1:, :, :, 0] == f.local).all()


def a_pool_that_is_short_receives_what_it_lacks(m: Moves, f: Flows) -> None:
    paid = sum(m[cause].sum(axis=3) for cause in ("local_paid", "claim_paid", "within_paid", "cleared", "prepaid"))
    cash = balances(m)["pool"][:-1, :, :, 0] + f.income + m["recovered"][1:].sum(axis=3)
    lack = np.maximum(paid[1:] - cash, 0)
    assert lack[:, :, 1].any() and not lack[:, :, 0].any()
    assert (m["received"][1:].sum(axis=3) == lack).all()
    assert (m["given"][1:].sum(axis=3) == lack[:, :, ::-1]).all()


def local_care_is_paid_in_its_month(m: Moves, f: Flows) -> None:
    assert (m["local_paid"][1:, :, :, 0] == f.local).all()


def claims_are_owed_from_their_month(m: Moves, f: Flows) -> None:
    assert (m["claim"][1:, :, :, 0] == f.claimed[MONTHS:]).all()


def claims_are_paid_two_months_later(m: Moves, f: Flows) -> None:
    assert (m["claim_paid"][1:, :, :, 0] == later(f.claimed, 2)).all()


def direct_entries_are_the_direct_payments(m: Moves, f: Flows) -> None:
    assert (m["direct"][1:] == f.direct[MONTHS:]).all()


def homes_clear_two_months_later(m: Moves, f: Flows) -> None:
    assert (m["cleared"][1:] == later(f.direct, 2)).all()


def homes_bear_what_they_clear(m: Moves, f: Flows) -> None:
    assert (m["borne"][1:] == later(f.direct, 2)).all()


def hospitals_are_paid_a_month_later(m: Moves, f: Flows) -> None:
    assert (m["hospital_paid"][1:] == later(f.direct, 1)).all()


def prepayments_follow_the_rule_every_february(m: Moves, f: Flows) -> None:
    for year in range(ledger.YEARS):
        quarter = f.direct[MONTHS * year + 9 : MONTHS * year + 12].sum(axis=0)
        kept = held(m)[MONTHS * year + 2 :][:10]
        assert (np.abs(3 * kept - 2 * quarter) <= 1).all()  # to the fen


def provinces_collect_what_they_pass_on(m: Moves, f: Flows) -> None:
    assert (m["collected"] == (m["cleared"] + m["prepaid"]).sum(axis=3, keepdims=True) + m["within_paid"]).all()


def care_in_the_own_province_is_owed_from_its_month(m: Moves, f: Flows) -> None:
    assert (m["within"][1:, :, :, 0] == f.within[MONTHS:]).all()


def hospitals_in_the_own_province_are_paid_after_the_lag_of_clearing(m: Moves, f: Flows) -> None:
    assert (m["within_paid"][1:, :, :, 0] == later(f.within, 2)).all()


def pools_get_back_what_hosts_return(m: Moves, f: Flows) -> None:
    assert m["returned"].sum() > 0
    assert (m["refunded"][..., 0] == m["returned"].sum(axis=3)).all()


def a_red_warning_brings_half_as_much_again_in_the_next_month(m: Moves, f: Flows) -> None:
    kept, cash = held(m), balances(m)["host"]
    assert (m["increased"][:MONTHS].sum() > 0) and (m["increased"][2 * MONTHS :].sum() > 0)
    for at in range(1, SPAN):
        year, month = divmod(at - 1, MONTHS)
        rule = 2 * f.direct[MONTHS * year + 9 : MONTHS * (year + 1)].sum(axis=0)
        fixed = rule + 3 * m["increased"][MONTHS * year + 1 : at + 1].sum(axis=0)
        moved = (np.abs(3 * kept[at] - fixed) <= 1).all(axis=0)  # as fixed, to the fen: nothing is on its way
        red = 10 * (kept[at] - cash[at]).sum(axis=0) >= 9 * kept[at].sum(axis=0)
        asked = (kept[at] + 1) // 2 * (moved & red & (month < 11))
        assert (m["increased"][at + 1] == asked).all(), at


def hospitals_have_half_a_month_of_last_year_in_advance(m: Moves, f: Flows) -> None:
    has = np.cumsum(m["advanced"] - m["recouped"], axis=0)
    assert (has[0] == 0).all() and m["recouped"].sum() > 0
    for year in range(ledger.YEARS):
        mean = f.direct[MONTHS * year : MONTHS * (year + 1)].sum(axis=0)
        of_year = has[MONTHS * year + 1 :][:MONTHS]
        assert (np.abs((48 if year == 1 else 24) * of_year - mean) <= 24).all()  # to the fen


def a_transfer_costs_the_agency_three_yuan(m: Moves, f: Flows) -> None:
    transfers = ((m["cleared"] + m["prepaid"]).sum(axis=1) > 0).sum(axis=2)
    assert (m["fee"][1:, 0, :, 0] == 3_00 * transfers[1:]).all() and (transfers[1:] == 1).all()
    assert (m["fee"][0] == 0).all()


def interest_is_a_twelfth_of_the_rate_on_the_host_s_cash(m: Moves, f: Flows) -> None:
    cash = balances(m)["host"].sum(axis=(1, 2))[:-1]
    assert (np.abs(m["interest"][1:, 0, 0] * 12 * PPM - cash * 15_000) <= 6 * PPM).all()


def books_open_with_what_was_on_its_way(m: Moves, f: Flows) -> None:
    last = f.direct[:MONTHS]
    assert (m["opening_due"][0] == last[-2:].sum(axis=0)).all()
    assert (m["opening_hospital"][0] == last[-1]).all()
    assert (m["opening_claims"][0, :, :, 0] == f.claimed[MONTHS - 2 : MONTHS].sum(axis=0)).all()
    assert (m["opening_within"][0, :, :, 0] == f.within[MONTHS - 2 : MONTHS].sum(axis=0)).all()


def books_open_with_balances_and_prepayments(m: Moves, f: Flows) -> None:
    kept = m["opening_prepayment"][0]
    assert (np.abs(3 * kept - 2 * f.direct[9:12].sum(axis=0)) <= 1).all()
    assert (m["opening_balance"][0, :, :, 0] + kept.sum(axis=2) == 10**11).all()


def what_is_recovered_goes_back_when_its_care_is_cleared(m: Moves, f: Flows) -> None:
    assert (m["recovered"][1:] == later(f.recovered, 2)).all() and not m["recovered"][0].any()


def fines_are_taken_when_their_care_is_cleared(m: Moves, f: Flows) -> None:
    assert (m["fined"][1:] == later(f.fined, 2)).all() and not m["fined"][0].any()


Law = Callable[[Moves, Flows], None]
LAWS: dict[str, Law] = {
    "opening_balance": books_open_with_balances_and_prepayments,
    "opening_prepayment": books_open_with_balances_and_prepayments,
    "opening_due": books_open_with_what_was_on_its_way,
    "opening_hospital": books_open_with_what_was_on_its_way,
    "opening_claims": books_open_with_what_was_on_its_way,
    "opening_within": books_open_with_what_was_on_its_way,
    "income": pools_take_in_their_income,
    "local_care": local_care_is_owed_in_its_month,
    "given": a_pool_that_is_short_receives_what_it_lacks,
    "received": a_pool_that_is_short_receives_what_it_lacks,
    "local_paid": local_care_is_paid_in_its_month,
    "claim": claims_are_owed_from_their_month,
    "claim_paid": claims_are_paid_two_months_later,
    "within": care_in_the_own_province_is_owed_from_its_month,
    "direct": direct_entries_are_the_direct_payments,
    "collected": provinces_collect_what_they_pass_on,
    "within_paid": hospitals_in_the_own_province_are_paid_after_the_lag_of_clearing,
    "cleared": homes_clear_two_months_later,
    "borne": homes_bear_what_they_clear,
    "prepaid": prepayments_follow_the_rule_every_february,
    "increased": a_red_warning_brings_half_as_much_again_in_the_next_month,
    "recouped": hospitals_have_half_a_month_of_last_year_in_advance,
    "hospital_paid": hospitals_are_paid_a_month_later,
    "advanced": hospitals_have_half_a_month_of_last_year_in_advance,
    "returned": pools_get_back_what_hosts_return,
    "refunded": pools_get_back_what_hosts_return,
    "interest": interest_is_a_twelfth_of_the_rate_on_the_host_s_cash,
    "recovered": what_is_recovered_goes_back_when_its_care_is_cleared,
    "fined": fines_are_taken_when_their_care_is_cleared,
    "fee": a_transfer_costs_the_agency_three_yuan,
}


@pytest.mark.parametrize("cause", {law: cause for cause, law in LAWS.items()}.values(), ids=lambda c: LAWS[c].__name__)
def test_of_the_entries(cause: str, of_cause: Moves, flows: Flows) -> None:
    LAWS[cause](of_cause, flows)


def test_every_cause_has_a_law() -> None:
    assert list(LAWS) == list(ENTRIES)


@pytest.mark.parametrize("cause", ENTRIES)
def test_dropping_a_cause_breaks_its_law(cause: str, of_cause: Moves, flows: Flows) -> None:
    with pytest.raises(AssertionError):
        LAWS[cause](of_cause | {cause: np.zeros_like(of_cause[cause])}, flows)


@pytest.mark.parametrize("cause", ENTRIES)
def test_shifting_a_cause_by_a_month_breaks_its_law(cause: str, of_cause: Moves, flows: Flows) -> None:
    with pytest.raises(AssertionError):
        LAWS[cause](of_cause | {cause: np.roll(of_cause[cause], 1, axis=0)}, flows)


def within_bounds(m: Moves) -> None:
    """Nobody pays what it does not have, nobody is paid more than is owed, and all accounts sum to 0."""
    of = balances(m)
    assert (sum(balance.sum(axis=(1, 2, 3)) for balance in of.values()) == 0).all()
    for account in ("pool", "due", "advance", "own", "penalty", "care", "charges"):
        assert (of[account] >= 0).all(), account
    for account in ("hospital", "patient", "neighbour", "local", "earned", "income", "bank", "agency"):
        assert (of[account] <= 0).all(), account
    assert (of["host"].sum(axis=(1, 2)) >= 0).all()
    assert (of["home"] == 0).all() and (of["fund"] == 0).all()


def test_books_stay_within_bounds(moves: Moves) -> None:
    within_bounds(moves)


def owed_is_what_is_not_yet_due(m: Moves, f: Flows, hospital: int = 1) -> None:
    """Check the balances by hand, where nobody is short of cash: what was settled in the months of each lag."""
    of, month = balances(m), np.arange(1 + SPAN) + MONTHS
    waiting = sum(f.direct[month - back] for back in range(1, hospital + 1))
    assert (of["hospital"] == -waiting).all()
    assert (of["due"] == f.direct[month - 1] + f.direct[month - 2]).all()
    assert (of["patient"][..., 0] == -f.claimed[month - 1] - f.claimed[month - 2]).all()
    assert (of["neighbour"][..., 0] == -f.within[month - 1] - f.within[month - 2]).all()
    assert (of["local"] == 0).all()
    paid_out = f.direct[month - 1] + f.direct[month - 2] - waiting
    in_advance = np.cumsum(m["advanced"] - m["recouped"], axis=0)
    assert (of["host"] == held(m) - paid_out - in_advance).all()
    assert (of["advance"][:, 0] == in_advance.sum(axis=1)).all()


def balances_hold(m: Moves, f: Flows, hospital: int) -> None:
    """Check what a swap of sides must break; where hospitals are paid at once, what is owed hangs on the cash."""
    within_bounds(m)
    if hospital:
        owed_is_what_is_not_yet_due(m, f, hospital)
    else:
        assert (balances(m)["host"] - held(m) + balances(m)["due"] + balances(m)["hospital"] == 0).all()


def test_what_is_owed_is_what_is_not_yet_due(moves: Moves, flows: Flows) -> None:
    owed_is_what_is_not_yet_due(moves, flows)


@pytest.mark.parametrize("cause", ENTRIES)
def test_swapping_debit_and_credit_is_seen(
    cause: str, of_cause: Moves, flows: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital = {"increased": 0, "advanced": 2, "recouped": 2, "fee": 2}.get(cause, 1)
    balances_hold(of_cause, flows, hospital)
    monkeypatch.setitem(ENTRIES, cause, ENTRIES[cause][::-1])
    with pytest.raises(AssertionError):
        balances_hold(of_cause, flows, hospital)


# Closed forms.


def test_a_pool_without_other_cash_pays_claims_out_of_what_is_recovered() -> None:
    poor = steady(PAIR, claimed=100, income=0, local=0)._replace(recovered=np.full((ALL, 2, 2, 2), 20))
    poor = poor._replace(direct=np.zeros_like(poor.direct))
    of = terms(2, 2)
    m = book(poor, of, np.zeros((2, 2), dtype=np.int64), np.zeros((2, 2, 2), dtype=np.int64))
    assert (m["claim_paid"][1:] == 40).all()  # of 100 asked, both hosts' 20


def test_a_steady_receivable_is_flow_times_lag() -> None:
    f = steady(PAIR)
    for lag in (0, 1, 2, 5):
        t = terms(2, 2, hospital=lag, clearing=lag + 2)
        of = balances(book(f, t, rich(f), opened_by_rule(f, t)))
        assert (of["hospital"] == -lag * f.direct[0]).all()
        assert (of["due"] == (lag + 2) * f.direct[0]).all()


def test_instant_settlement_with_two_months_of_clearing_uses_the_whole_prepayment() -> None:
    f, t = steady(PAIR), terms(2, 2, hospital=0, clearing=2)
    m = book(f, t, rich(f), opened_by_rule(f, t))
    of = balances(m)
    assert (of["host"] == 0).all()  # 2 months prepaid, 2 months paid out
    assert (of["hospital"] == 0).all()
    short = balances(book(f, terms(2, 2, hospital=0, clearing=3), rich(f), opened_by_rule(f, t)))
    assert (short["hospital"].sum(axis=(1, 2)) == -f.direct[0].sum(axis=(0, 1))).all()  # a month of each host's waits


def test_a_month_of_doubled_flows_uses_up_the_prepayment_for_as_long_as_it_is_not_cleared() -> None:
    f, t = steady([[[0, 300_00]]]), terms(1, 2, hospital=0, clearing=2)
    shock = MONTHS + 5
    f.direct[shock] *= 2
    of = balances(book(f, t, rich(f), opened_by_rule(f, t)))
    owed = -of["hospital"][1:, 0, 0, 1]
    expected = np.zeros(SPAN)
    expected[5:7] = 300_00  # hospitals wait for one month's money until the doubled month is cleared
    assert owed.tolist() == expected.tolist()


def test_interest_by_hand() -> None:
    f, t = steady([[[0, 1_000_000 * YUAN]]]), terms(1, 2, hospital=2, clearing=2, interest=12_000)
    m = book(f, t, np.array([[10**12]]), opened_by_rule(f, t))
    # 2 million yuan prepaid and untouched at 1.2 percent a year: 2,000 yuan a month, to the host.
    assert (m["interest"][1:, 0, 0, 1] == 2_000 * YUAN).all()
    assert balances(m)["own"][-1, 0, 0, 1] == SPAN * 2_000 * YUAN


def test_two_symmetric_provinces_net_to_zero() -> None:
    f = steady([[[0, 800_00], [800_00, 0]], [[0, 90_00], [90_00, 0]]], claimed=7_00)
    t = terms(2, 2)
    m = book(f, t, rich(f), opened_by_rule(f, t))
    for cause in ("cleared", "prepaid", "hospital_paid"):
        assert (m[cause] == m[cause].transpose(0, 1, 3, 2)).all()
    for account in ("pool", "due", "hospital", "host"):
        at = balances(m)[account].sum(axis=1)
        assert (at[:, 0].sum(axis=-1) == at[:, 1].sum(axis=-1)).all()


def test_a_late_payer_leaves_the_host_to_pay_out_of_the_prepayments_of_others() -> None:
    f = steady([[[0, 0, 100_00], [0, 0, 400_00], [0, 0, 0]]])
    prompt, slow = terms(3, 3, hospital=1, clearing=2), terms(3, 3, hospital=1, clearing=2)
    slow.late[MONTHS:, 0] = 3
    of = balances(book(f, slow, rich(f), opened_by_rule(f, prompt)))
    assert of["host"][6, 0, 0, 2] == -200_00  # 2 months prepaid, 4 paid out
    assert of["host"][6, 0, 1, 2] == 400_00
    assert (of["hospital"][6] == -f.direct[0]).all()  # the pooled cash was enough: hospitals wait no longer than before
    assert of["due"][6, 0, 0, 2] == 5 * 100_00


def test_a_pool_without_cash_pays_later_and_the_debt_stands() -> None:
    f = steady([[[0, 300_00]]], income=250_00, local=0)
    t = terms(1, 2, hospital=2, clearing=2)
    of = balances(book(f, t, np.array([[0]]), np.zeros((1, 1, 2), dtype=np.int64)))
    assert (of["pool"][1:] == 0).all()
    due = of["due"][1:, 0, 0, 1]
    assert (np.diff(due) == 50_00).all()  # 300 settled a month, 250 cleared


def test_a_review_in_the_year_follows_the_last_three_months_from_the_next_month_on() -> None:
    f, t = steady([[[0, 300_00]]]), terms(1, 2)
    f.direct[MONTHS + 3 : MONTHS + 6] += 90_00  # April to June
    t.review[6] = 1  # July
    kept = held(book(f, t, rich(f), opened_by_rule(f, t)))[:, 0, 0, 1]
    assert kept[1:8].tolist() == [600_00] * 7
    assert kept[8:14].tolist() == [780_00] * 6  # twice 390, from August to January
    assert kept[14:].tolist() == [600_00] * 23


def test_a_review_every_january_changes_nothing(flows: Flows, usual: PaymentTerms, moves: Moves) -> None:
    review = usual.review.copy()
    review[::MONTHS] = 1
    found = book(flows, usual._replace(review=review), rich(flows), opened_by_rule(flows, usual))
    assert all((found[cause] == moves[cause]).all() for cause in moves)


def test_an_emergency_increase_ends_the_wait_of_hospitals_and_goes_back_as_far_as_there_is_cash() -> None:
    f = steady([[[0, 300_00]]])
    late, more = (terms(1, 2, hospital=0, clearing=3, increase=share) for share in (0, 500_000))
    short, of = (book(f, t, rich(f), opened_by_rule(f, t)) for t in (late, more))
    assert (balances(short)["hospital"][1:, 0, 0, 1] == -300_00).all()  # three months are out, two are prepaid
    assert of["increased"][:14, 0, 0, 1].tolist() == [0, 0, 300_00, 450_00, *[0] * 10]
    owed = balances(of)["hospital"][:, 0, 0, 1]
    assert owed[1] == -300_00 and owed[2:14].tolist() == [0] * 12
    # The rule of the next January wants 600 again; 900 of 1,350 are out, so that 450 go back in February.
    assert of["returned"][14, 0, 0, 1] == 450_00 and (held(of)[14:, 0, 0, 1] == 900_00).all()


def test_an_increase_is_not_asked_for_below_the_red_line() -> None:
    f = steady([[[0, 300_00]]])
    t = terms(1, 2, hospital=0, clearing=2, months=2.3, increase=500_000)  # 600 of 690 are out: 87 %
    assert (book(f, t, rich(f), opened_by_rule(f, t))["increased"] == 0).all()
    t = terms(1, 2, hospital=0, clearing=2, months=2.2, increase=500_000)  # 600 of 660: 91 %
    assert (book(f, t, rich(f), opened_by_rule(f, t))["increased"] > 0).any()


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_an_increase_is_asked_for_from_the_red_line_on_and_not_a_fen_before(beyond: int) -> None:
    f, t = steady([[[0, 900_00 + beyond]]]), terms(1, 2, hospital=0, clearing=1, increase=500_000)
    f.direct[9:MONTHS] = np.array([[[0, 500_00]]])  # 1,000 are prepaid, and a month is paid out before it is cleared
    found = book(f, t, rich(f), opened_by_rule(f, t))["increased"][2, 0, 0, 1]
    assert (found > 0) == (beyond >= 0)


def test_fees_touch_no_fund_and_no_hospital(flows: Flows, ahead: Moves) -> None:
    of = terms(2, 2, hospital=2, advance=0.5, shared=1, province=[0, 0])
    of.advance[MONTHS : 2 * MONTHS] //= 2
    without, with_fees = (balances(m) for m in (book(flows, of, rich(flows), opened_by_rule(flows, of)), ahead))
    for account, balance in without.items():
        assert (balance == with_fees[account]).all() == (account not in ("agency", "charges")), account
    assert (with_fees["charges"][-1, 0, :, 0] == SPAN * 3_00).all()


def test_an_advance_is_paid_out_of_the_prepayments_and_comes_back_when_it_ends(flows: Flows) -> None:
    of = terms(2, 2, hospital=2, advance=0.5, shared=1, province=[0, 0])
    of.advance[MONTHS:] = 0
    m = book(flows, of, rich(flows), opened_by_rule(flows, of))
    has = balances(m)["advance"].sum(axis=(1, 2, 3))
    assert (has[1:13] > 0).all() and (has[13:] == 0).all()
    assert (balances(m)["host"][1:13] < held(m)[1:13])[..., flows.direct[0, 0] > 0].all()
    assert (balances(m)["host"][13:] == held(m)[13:]).all()


@pytest.mark.parametrize(("months", "yuan"), [(1, 122.0633), (2, 244.1267), (3, 366.19)])
def test_the_prepayment_of_2024_by_the_rule(months: int, yuan: float) -> None:
    """Published payment of 2023's fourth quarter for inpatients: 366.19 hundred million yuan."""
    last = np.zeros(MONTHS, dtype=np.int64)
    last[9:] = [122_0633_3333_33, 122_0633_3333_33, 122_0633_3333_34]
    assert ledger.prepayment(last, np.int64(months * PPM)) / 1e10 == pytest.approx(yuan, abs=1e-4)


@pytest.mark.parametrize(
    ("kinds", "hundred_million"), [(("inpatient",), 244.1), (("inpatient", "all_outpatient"), 287.7)]
)
def test_the_prepayment_of_2024_on_the_published_quarter(kinds: tuple[str, ...], hundred_million: float) -> None:
    paid = sum(value("direct_settlement", period="2023Q4", kind=kind, metric="fund_paid") for kind in kinds)
    last = np.zeros(MONTHS, dtype=np.int64)
    last[9:] = round(paid * 1e10 / 3)
    of_baseline = ledger.Ledger.prepayment__months.number
    assert round(ledger.prepayment(last, np.int64(of_baseline * PPM)) / 1e10, 1) == hundred_million


# Whatever the flows, the lags, the late payers and the cash.

AMOUNTS = st.integers(0, 10**12)


@given(
    need=arrays.arrays(np.int64, (3, 5), elements=AMOUNTS),
    cash=arrays.arrays(np.int64, 3, elements=AMOUNTS),
)
def test_too_little_cash_is_paid_out_to_the_fen_in_proportion(need: np.ndarray, cash: np.ndarray) -> None:
    paid = ledger.pro_rata(need, cash)
    assert (paid.sum(axis=1) == np.minimum(need.sum(axis=1), cash)).all()
    assert ((paid >= 0) & (paid <= need)).all()
    for row, asked, have in zip(paid.tolist(), need.tolist(), cash.tolist(), strict=True):
        if sum(asked) > have:
            assert all(abs(x * sum(asked) - a * have) <= 2 * sum(asked) for x, a in zip(row, asked, strict=True))


@st.composite
def anything(draw: st.DrawFn) -> tuple[Flows, PaymentTerms, np.ndarray]:
    """Return random flows, lags that differ by place and change in time, late payers and balances from nothing up."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    schemes, homes, hosts = 2, draw(st.integers(1, 3)), draw(st.integers(1, 3))
    top, wealth = draw(st.sampled_from([10, 10**6, 10**12])), draw(st.sampled_from([0, 1, 30]))
    pool = (schemes, homes)
    flows = Flows(
        rng.integers(0, top, (ALL, *pool, hosts)),
        rng.integers(0, top, (ALL, *pool)),
        rng.integers(0, 4 * top, (SPAN, *pool)),
        rng.integers(0, 2 * top, (SPAN, *pool)),
        *rng.integers(0, 1 + top // 10, (2, ALL, *pool, hosts)),
        rng.integers(0, top, (ALL, *pool)),
    )

    def lags(number: int) -> np.ndarray:
        changed = draw(st.integers(1, ALL))
        return np.where(np.arange(ALL)[:, None] < changed, *rng.integers(0, 7, (2, number)))

    return (
        flows,
        PaymentTerms(
            rng.integers(0, 4 * PPM, (SPAN, homes)),
            lags(homes),
            lags(homes),
            lags(hosts),
            rng.integers(0, 50_000, (SPAN, hosts)),
            draw(st.integers(0, 6)),
            review=rng.integers(0, 2, (SPAN, homes)) * draw(st.integers(0, 1)),
            increase=rng.integers(0, PPM, (SPAN, homes)) * draw(st.integers(0, 1)),
            advance=rng.integers(0, 2 * PPM, (SPAN, hosts)) * draw(st.integers(0, 1)),
            fee=rng.integers(0, 1000, (SPAN, homes)),
            shared=rng.integers(0, 2, (SPAN, 1)) * rng.integers(0, PPM + 1, (SPAN, homes)),
            province=np.arange(homes) % hosts,
        ),
        rng.integers(0, wealth * top + 1, pool),
    )


@settings(max_examples=60)
@given(anything())
def test_nothing_is_created_or_lost_and_nobody_pays_what_it_does_not_have(
    case: tuple[Flows, PaymentTerms, np.ndarray],
) -> None:
    f, t, balance = case
    m = book(f, t, balance, opened_by_rule(f, t))
    of = balances(m)
    within_bounds(m)
    assert all((move >= 0).all() for move in m.values())
    assert (m["direct"][1:] == f.direct[MONTHS:]).all()
    # All that was ever settled is paid or still owed, at either end.
    settled = m["opening_due"][0] + m["direct"].sum(axis=0)
    assert (settled == m["cleared"].sum(axis=0) + of["due"][-1]).all()
    waiting = m["opening_hospital"][0] + m["direct"].sum(axis=0)
    assert (waiting == m["hospital_paid"].sum(axis=0) - of["hospital"][-1]).all()
    assert (held(m) >= 0).all()
    near = m["opening_within"][0] + m["within"].sum(axis=0)
    assert (near == m["within_paid"].sum(axis=0) - of["neighbour"][-1]).all()


@settings(max_examples=25, deadline=None)
@given(anything())
def test_whatever_the_books_say_reconcile_finds_no_fault(case: tuple[Flows, PaymentTerms, np.ndarray]) -> None:
    """Also in the months in which lags change, pools are short or payers are late: what is due is paid if it can be."""
    f, t, balance = case
    m = book(f, t, balance, opened_by_rule(f, t))
    places = tuple("abc"[: f.direct.shape[2]]), tuple("xyz"[: f.direct.shape[3]])
    of = Books(2024, *places, t.province, f, t, m, np.zeros_like(f.local), np.full((SPAN, len(t.province)), 3.0))
    stated: dict[str, dict[str, int]] = {}
    for account, month, fen in accounts.frame(journal.account_balances(of)).itertuples(index=False):
        stated.setdefault(month, {})[account] = int(fen)
    rows = (
        accounts.frame(journal.entries(of)).to_dict("records"),
        stated,
        accounts.frame(journal.calendar(of)).to_dict("records"),
    )
    assert list(reconcile.discrepancies(*rows)) == []  # type: ignore[arg-type]


@settings(max_examples=30)
@given(anything())
def test_who_is_paid_too_little_was_paid_out_of_an_empty_account(case: tuple[Flows, PaymentTerms, np.ndarray]) -> None:
    f, t, balance = case
    m = book(f, t, balance, opened_by_rule(f, t))
    of = balances(m)
    due = ledger.by_due_month(f.direct, t.hospital[:, None, None, :])[MONTHS:]
    taken = f.direct[:MONTHS] - ledger.by_due_month(f.direct[:MONTHS], t.hospital[:MONTHS, None, None, :])
    waited = m["opening_hospital"][0] - taken.sum(axis=0)  # what the host could not pay last year
    late = (waited + np.cumsum(due - m["hospital_paid"][1:], axis=0)).sum(axis=(1, 2))
    assert (late >= 0).all()
    assert (of["host"].sum(axis=(1, 2))[1:][late > 0] == 0).all()
