"""What happens to one visit: its bill on two lists, what must hold to settle it directly, both prices, the choice."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simlib.amounts import BY_CHOICE
from simlib.benefits.layers import Bill, Care, fund, settle, settle_apart, split_bill
from simlib.compiled import rule
from simlib.patients import visits
from simlib.patients.chronic import DISEASES
from simlib.randomness import below, happens, mix, share, uniform
from simlib.settlement.channels import choice, claim_gain, claims_anyway, otherwise
from simlib.settlement.gates import exposed
from simlib.terms import DIRECT, KINDS, LOCAL, MONTHS, OUTPATIENT, SCHEMES, STEPS, TIERS, UNFILED

DRAW = np.dtype(
    [
        ("key", np.uint64),
        # visits and their circumstances, cumulative distributions
        ("counts", np.float64, (len(KINDS) - 1 + len(DISEASES), visits.MOST_VISITS)),  # see `chronic.count_row`
        ("diseases", np.float64, len(DISEASES)),  # of chronic patients
        ("disease_bill", np.float64, len(DISEASES)),  # against that of all chronic visits
        ("season", np.float64, MONTHS),
        ("tiers", np.float64, len(TIERS)),
        ("baskets", np.int64),
        # people
        ("retired", np.uint64, len(SCHEMES)),  # odds, see `randomness.odds_of`
        ("balances", np.int64, STEPS),  # of employees' personal accounts, fen
        # care at home before the first visit elsewhere
        ("care_at_home", np.int64),  # whether it is looked at
        ("admissions", np.float64, (len(SCHEMES), MONTHS, visits.MOST_ADMISSIONS)),
        ("tiers_home", np.float64, len(TIERS)),
        ("admission_fen", np.float64, (len(SCHEMES), len(TIERS))),
        ("outpatient_fen", np.float64, len(SCHEMES)),  # a month's bills
        ("in_scope_ppm", np.int64),
        # gates and claims
        ("as_ordinary", np.uint64),  # odds that a patient whose disease is not listed settles as an ordinary outpatient
        ("open", np.uint64, len(KINDS)),  # odds, networked and coded
        ("not_networked", np.uint64, len(KINDS)),  # odds, of cases that are not open
        ("coded", np.uint64, len(KINDS)),  # odds, of cases that are not open: not networked only
        ("fault", np.uint64, len(KINDS)),  # odds, of filing
        ("mended", np.uint64, len(KINDS)),  # odds, of such faults
        ("attention", np.uint64, len(KINDS)),  # odds
        ("claim_cost_fen", np.float64, len(KINDS)),
        ("waiting", np.float64),
        ("reluctance", np.float64, STEPS),
    ],
    align=True,
)
"""What one draw fixes for everybody, one record: see `solve.ParameterDraw` and the modules that declare the numbers."""

MEASURE = np.dtype(
    [
        ("connected", np.uint64, len(TIERS)),  # odds, of cases not networked
        ("unified", np.uint64),  # odds, of cases not coded
        ("uncoded", np.uint64),  # odds, of cases coded
        ("bill", np.float64),  # against that without measures
        ("mended", np.uint64),  # odds, of faults of filing
        ("down", np.uint64),  # odds
        ("credit", np.uint64),  # odds
        ("claim_cost_fen", np.float64),
        ("waiting", np.float64),
    ],
    align=True,
)
"""What is done somewhere and some time for one kind of care: see `measures.table`."""


class Tables(NamedTuple):
    """What a scenario's year is to the loop, arrays of two axes at most: it is slowed by finding its way in more.

    Built outside the loop: taking one array out of it then costs nothing.

    scale_fen (kind x scheme x tier, basket) : mean bills, see `draws.bill_scale`. quantiles : see
    `visits.bill_quantiles`. policies : records of `layers.POLICY`. which (pool x scheme x member, kind x filing x month
    x tier) : their rows. cover (slot x kind x basket, 3) ppm; slot (home x host x kind, month) : see `policies.Rules`.
    done (home x host x kind, month) : twice the row of `measures`, and 1 more where no filing is needed. listed (home x
    host, month) : row of `ladder` (row, rung), diseases that can be settled, bits, see `chronic.ladder`. first (home,),
    lives (home, pool) : see `policies.Rules`. measures : records of `MEASURE`.
    """

    scale_fen: Any
    quantiles: Any
    policies: Any
    which: Any
    cover: Any
    slot: Any
    done: Any
    listed: Any
    ladder: Any
    first: Any
    lives: Any
    measures: Any


class DrawnVisit(NamedTuple):
    """One visit before anything is known of its bill.

    pair, alone : rows of home and host, and of the home with itself, whose list prices a claim. who : row of the table
    of policies. disease : the patient's chronic disease, -1 in care of another kind. ordinary : whether the patient
    settles as an ordinary outpatient where it is not listed: directly at that benefit, by claim still at the chronic
    one. rung : see `chronic.ladder`. dearer : the mean bill against that of the draw.
    """

    kind: int
    scheme: int
    purpose: int
    pair: int
    alone: int
    who: int
    disease: int
    ordinary: bool
    rung: int
    dearer: float
    month: int
    attentive: bool


class Conditions(NamedTuple):
    """What must hold for a visit to settle directly, and what a claim by hand costs its patient.

    claim_cost : fen. waiting : per yuan. on_credit : whether nothing need be advanced.
    """

    networked: bool
    on_list: bool
    filed: bool
    coded: bool
    up: bool
    claim_cost: float
    waiting: float
    on_credit: bool


class SettledVisit(NamedTuple):
    """What became of one visit: channel, first cause, bill and gap in fen, what the fund owes, the policy's row.

    tier : of the hospital, index into `terms.TIERS`. pivotal : whether it would be direct if that cause alone were
    away. on_credit : whether nothing need be advanced. outside : what of the bill is unlisted or over a ceiling on the
    list that priced it, fen. ordinary : whether it was settled directly as ordinary outpatient care though it is
    chronic.
    """

    channel: int
    cause: int
    tier: int
    pivotal: bool
    on_credit: bool
    bill: int
    outside: int
    gap: int
    owed: Any
    row: int
    ordinary: bool


@rule
def one_visit(key: int, visit: DrawnVisit, year: Any, draw: Any, tables: Tables) -> SettledVisit:
    """Return what becomes of one visit: bill, conditions, both prices from the same state of the year, choice.

    Both prices are those of the filing that the visit has in the end: the policy of the purpose, or of the unfiled.

    No array is read in a branch only: Numba would count in memory, at every visit, who holds it, which costs more than
    both prices. What a branch needs is found before it.
    """
    what = mix(key, visits.WHAT)
    tier = visits.pick_one(draw.tiers, uniform(share(what, visits.WHICH_TIER)))
    basket = below(share(what, visits.WHICH_BASKET), draw.baskets)
    done = tables.done[visit.pair, visit.month]
    measure = tables.measures[done >> 1]
    on_list, ordinary = settles_as(visit, tables)
    bill = visits.bill_fen(
        mean_fen(visit, tier, basket, done, measure, draw, tables),
        tables.quantiles[below(share(what, visits.HOW_DEAR), len(tables.quantiles))],
    )
    met = conditions(key, visit, tier, on_list, done, measure, draw)
    at_host = priced_on(bill, tables.slot[visit.pair, visit.month], visit.kind, basket, draw, tables)
    at_home = priced_on(bill, tables.slot[visit.alone, visit.month], visit.kind, basket, draw, tables)
    care = of_kind(visit.kind, visit.disease)
    filing = visit.purpose if met.filed else UNFILED
    row = tables.which[visit.who, asked(visit.kind, filing, visit.month, tier)]
    row_direct = tables.which[visit.who, asked(OUTPATIENT, filing, visit.month, tier)]
    policy, policy_direct = tables.policies[row], tables.policies[row_direct]
    direct, claim = settle(policy, at_host, care, year, None), settle(policy, at_home, care, year, None)
    if ordinary:
        direct = settle_apart(policy_direct, at_host, of_kind(OUTPATIENT, -1), year)
    reluctance = draw.reluctance[below(share(what, visits.CLAIMS), STEPS)]
    way, cause, pivotal = chosen(met, visit.attentive, fund(direct), fund(claim), reluctance)
    owed, outside = claim, at_home.unlisted + at_home.over_ceiling + at_home.self_pay
    if way == DIRECT:
        owed, outside = direct, at_host.unlisted + at_host.over_ceiling + at_host.self_pay
    ordinary &= way == DIRECT
    if ordinary:
        row = row_direct
    gap = fund(direct) - fund(claim)
    return SettledVisit(way, cause, tier, pivotal, met.on_credit, bill, outside, gap, owed, row, ordinary)


@rule
def settles_as(visit: DrawnVisit, tables: Tables) -> tuple[bool, bool]:
    """Return whether a visit can be settled for what the patient has, and whether that is as ordinary outpatient care.

    Chronic care can where the disease is listed, or where the patient settles as an ordinary outpatient instead.
    """
    bits = tables.ladder[tables.listed[visit.pair // len(KINDS), visit.month], visit.rung]
    listed = (bits >> max(visit.disease, 0)) & 1 == 1
    listed |= visit.disease < 0
    ordinary = visit.ordinary & (not listed)
    return listed | ordinary, ordinary


@rule
def mean_fen(visit: DrawnVisit, tier: int, basket: int, done: Any, measure: Any, draw: Any, tables: Tables) -> float:
    """Return the mean bill of visits like this one, fen."""
    mean: float = (
        visit.dearer * tables.scale_fen[(visit.kind * len(SCHEMES) + visit.scheme) * len(TIERS) + tier, basket]
    )
    if visit.disease >= 0:
        mean *= draw.disease_bill[visit.disease]
    if done >> 1:
        mean *= measure.bill
    return mean


@rule
def conditions(key: int, visit: DrawnVisit, tier: int, on_list: bool, done: Any, measure: Any, draw: Any) -> Conditions:
    """Return what holds for a visit: by the gates of the draw, then by the measures taken there and then."""
    gates = mix(key, visits.GATES)
    networked = coded = filed = up = True
    if not happens(share(gates, visits.CONNECTED), draw.open[visit.kind]):
        which_fails = share(gates, visits.WHICH_FAILS)
        networked = not happens(which_fails, draw.not_networked[visit.kind])
        coded = happens(which_fails, draw.coded[visit.kind])
    mended, claim_cost, waiting, on_credit = (
        draw.mended[visit.kind],
        draw.claim_cost_fen[visit.kind],
        draw.waiting,
        False,
    )
    if done >> 1:
        own = mix(key, visits.MEASURES)
        networked |= happens(share(own, visits.NEWLY_CONNECTED), measure.connected[tier])
        recoded = share(own, visits.UNIFIED)
        coded = not happens(recoded, measure.uncoded) if coded else happens(recoded, measure.unified)
        up = not happens(share(own, visits.DOWN), measure.down)
        on_credit = happens(share(own, visits.ON_CREDIT), measure.credit)
        mended, claim_cost, waiting = measure.mended, measure.claim_cost_fen, measure.waiting * (not on_credit)
    if exposed(visit.purpose, done & 1) and happens(share(gates, visits.FILED), draw.fault[visit.kind]):
        filed = happens(share(gates, visits.MENDED), mended)
    return Conditions(networked, on_list, filed, coded, up, claim_cost, waiting, on_credit)


@rule
def priced_on(bill: int, slot: int, kind: int, basket: int, draw: Any, tables: Tables) -> Bill:
    """Return a bill as the list in a slot splits it."""
    at = (slot * len(KINDS) + kind) * draw.baskets + basket
    # Scalars of a flat table, not a row: a view of an array costs more here than pricing the bill.
    return split_bill(bill, tables.cover[at, 0], tables.cover[at, 1], tables.cover[at, 2])


@rule
def chosen(met: Conditions, attentive: bool, direct: int, claim: int, reluctance: float) -> tuple[int, int, bool]:
    """Return the channel of a visit, its first cause, and whether it would be direct if that alone were away.

    direct, claim : what the fund would owe, fen.
    """
    gain = claim_gain(direct, claim, met.claim_cost, met.waiting)
    failed = (not met.networked) + (not met.on_list) + (not met.filed) + (not met.coded) + (not met.up)
    way, pivotal, cause = choice(attentive, gain), False, BY_CHOICE
    if failed:
        pivotal = (failed == 1) & (way == DIRECT)
        way = otherwise(claims_anyway(claim, met.claim_cost, met.waiting, reluctance))
        cause = first_cause(met.networked, met.on_list, met.filed, met.coded, met.up)
    return way, cause, pivotal


@rule
def first_cause(networked: bool, on_list: bool, filed: bool, coded: bool, up: bool) -> int:
    """Return the first condition, in the order of `CONDITIONS`, that a case fails; choice if it meets all.

    >>> from simlib.amounts import CAUSES
    >>> CAUSES[first_cause(True, True, False, False, True)], CAUSES[first_cause(True, True, True, True, True)]
    ('not_filed', 'choice')
    """
    return networked * (1 + on_list * (1 + filed * (1 + coded * (1 + up))))


@rule
def asked(kind: int, filing: int, month: int, tier: int) -> int:
    """Return the column of the table of policies for a visit: (kind, filing or local, month, tier) flattened."""
    return ((kind * (LOCAL + 1) + filing) * MONTHS + month) * len(TIERS) + tier


@rule
def of_kind(kind: int, disease: int) -> Care:
    """Return what a rule asks about a visit of a person who has one chronic disease at most, -1 for none."""
    return Care(kind, min(disease, 0), 1)
