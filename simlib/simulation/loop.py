"""The compiled loop: everybody's year, visit by visit, added up as it goes; nothing is kept of a person."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.amounts import (
    ACCOUNT,
    AS_ORDINARY,
    BILL_FIRST,
    BILL_PIVOTAL,
    BILLS,
    BY_CHOICE,
    CLAIM_MORE,
    FIRST,
    FUND,
    FUND_AS_ORDINARY,
    GAP,
    GAP_ZERO,
    GRADED,
    LOCAL_FUND,
    ON_CREDIT,
    PIVOTAL,
    SEEN_FIRST,
    SUPPLEMENT,
    VISITS,
)
from simlib.benefits.layers import (
    YEAR,
    Bill,
    Care,
    advance,
    begin_month,
    begin_year,
    from_account,
    fund,
    part,
    settle,
    settle_apart,
    split_bill,
)
from simlib.compiled import apart, rule
from simlib.patients import visits
from simlib.patients.chronic import DISEASES, count_row
from simlib.randomness import below, happens, mix, share, uniform
from simlib.settlement.channels import choice, claim_gain, claims_anyway, otherwise
from simlib.settlement.gates import exposed
from simlib.terms import (
    ABANDONED,
    CHRONIC,
    DIRECT,
    EMPLOYEE,
    INPATIENT,
    KINDS,
    LOCAL,
    LONG_STAY,
    MEMBERS,
    MONTHS,
    OUTPATIENT,
    SCHEMES,
    STEPS,
    TIERS,
    UNFILED,
)

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


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
        ("retired", np.uint64, len(SCHEMES)),  # odds, see `luck.odds_of`
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
        ("hassle_fen", np.float64, len(KINDS)),
        ("waiting", np.float64),
        ("reluctance", np.float64, STEPS),
    ],
    align=True,
)
"""What one draw fixes for everybody, one record: see `solve.World` and the modules that declare the numbers."""

MEASURE = np.dtype(
    [
        ("connected", np.uint64, len(TIERS)),  # odds, of cases not networked
        ("unified", np.uint64),  # odds, of cases not coded
        ("uncoded", np.uint64),  # odds, of cases coded
        ("bill", np.float64),  # against that without measures
        ("mended", np.uint64),  # odds, of faults of filing
        ("down", np.uint64),  # odds
        ("credit", np.uint64),  # odds
        ("hassle_fen", np.float64),
        ("waiting", np.float64),
    ],
    align=True,
)
"""What is done somewhere and some time for one kind of care: see `measures.table`."""


class Cells(NamedTuple):
    """Groups of people alike in the care they use, scheme, purpose, home and host, one entry each.

    uses : kinds of care, bits. number, weight : people drawn, and how many each stands for. code : names their
    luck. start : number of the first person within the code, so that a cell can be lived through in parts. half : half
    of the sample that the first person belongs to; people alternate.
    """

    uses: Bytes
    scheme: Bytes
    purpose: Bytes
    home: Bytes
    host: Bytes
    number: Ints
    weight: Ints
    code: Ints
    start: Ints
    half: Ints


class Case(NamedTuple):
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
def insured(key: int, home: int, scheme: int, first: Any, lives: Any, retired: Any) -> int:
    """Return the row of the table of policies for a person: (pool, scheme, member) flattened.

    The pool is one of the home's, see `policies.Rules`, and the member group one of the two, both by luck.
    """
    luck = uniform(mix(key, visits.INSURED))
    pool: int = first[home]
    for i in range(lives.shape[1]):  # all of them: a processor cannot foresee which
        pool += lives[home, i] < luck
    return (pool * len(SCHEMES) + scheme) * len(MEMBERS) + happens(mix(key, visits.RETIRED), retired[scheme])


@rule
def asked(kind: int, filing: int, month: int, tier: int) -> int:
    """Return the column of the table of policies for a visit: (kind, filing or local, month, tier) flattened."""
    return ((kind * (LOCAL + 1) + filing) * MONTHS + month) * len(TIERS) + tier


@rule
def of_kind(kind: int, disease: int) -> Care:
    """Return what a rule asks about a visit of a person who has one chronic disease at most, -1 for none."""
    return Care(kind, min(disease, 0), 1)


@rule
def one_visit(
    key: int,
    k: int,
    s: int,
    p: int,
    alone: int,
    pair: int,
    who: int,
    disease: int,
    ordinary: bool,
    dearer: float,
    m: int,
    attentive: bool,
    year: Any,
    draw: Any,
    scale_fen: Any,
    quantiles: Any,
    policies: Any,
    which: Any,
    cover: Any,
    slot: Any,
    measure: Any,
    listed: Any,
    measures: Any,
) -> Case:
    """Return what becomes of one visit: bill, gates, both prices from the same state of the year, choice.

    pair, alone : rows of home and host, and of the home with itself, whose list prices a claim. disease : the
    patient's chronic disease, -1 in care of another kind. ordinary : whether the patient settles as an ordinary
    outpatient where it is not listed: directly at that benefit, by claim still at the chronic one. dearer : the mean
    bill against that of `draw`. Both prices are those of the filing that the visit has in the end: the policy of the
    purpose, or of the unfiled.

    No array is read in a branch only: Numba would count in memory, at every visit, who holds it, which costs more than
    both prices. What a branch needs is found before it.
    """
    what, gates = mix(key, visits.WHAT), mix(key, visits.GATES)
    tier = visits.pick_one(draw.tiers, uniform(share(what, visits.WHICH_TIER)))
    basket = below(share(what, visits.WHICH_BASKET), draw.baskets)
    mean = dearer * scale_fen[(k * len(SCHEMES) + s) * len(TIERS) + tier, basket]
    on_list = (listed[pair // len(KINDS), m] >> max(disease, 0)) & 1 == 1
    if disease < 0:
        on_list = True
    else:
        mean *= draw.disease_bill[disease]
    ordinary &= not on_list
    on_list |= ordinary
    done = measure[pair, m]
    now = measures[done >> 1]
    if done >> 1:
        mean *= now.bill
    bill = visits.bill_fen(mean, quantiles[below(share(what, visits.HOW_DEAR), len(quantiles))])
    networked = coded = filed = up = True
    if not happens(share(gates, visits.CONNECTED), draw.open[k]):
        which_fails = share(gates, visits.WHICH_FAILS)
        networked, coded = not happens(which_fails, draw.not_networked[k]), happens(which_fails, draw.coded[k])
    mended, hassle, waiting, on_credit = draw.mended[k], draw.hassle_fen[k], draw.waiting, False
    if done >> 1:
        own = mix(key, visits.MEASURES)
        networked |= happens(share(own, visits.NEWLY_CONNECTED), now.connected[tier])
        recoded = share(own, visits.UNIFIED)
        coded = not happens(recoded, now.uncoded) if coded else happens(recoded, now.unified)
        up = not happens(share(own, visits.DOWN), now.down)
        on_credit = happens(share(own, visits.ON_CREDIT), now.credit)
        mended, hassle, waiting = now.mended, now.hassle_fen, now.waiting * (not on_credit)
    if exposed(p, done & 1) and happens(share(gates, visits.FILED), draw.fault[k]):
        filed = happens(share(gates, visits.MENDED), mended)
    # Scalars of flat tables, not rows: a view of an array costs more here than pricing the bill.
    at, own = (
        (slot[pair, m] * len(KINDS) + k) * draw.baskets + basket,
        (slot[alone, m] * len(KINDS) + k) * draw.baskets + basket,
    )
    at_host = split_bill(bill, cover[at, 0], cover[at, 1], cover[at, 2])
    at_home = split_bill(bill, cover[own, 0], cover[own, 1], cover[own, 2])
    care = of_kind(k, disease)
    filing = p if filed else UNFILED
    row, row_direct = which[who, asked(k, filing, m, tier)], which[who, asked(OUTPATIENT, filing, m, tier)]
    policy, policy_direct = policies[row], policies[row_direct]
    direct, claim = settle(policy, at_host, care, year, None), settle(policy, at_home, care, year, None)
    if ordinary:
        direct = settle_apart(policy_direct, at_host, of_kind(OUTPATIENT, -1), year)
    gap = fund(direct) - fund(claim)
    reluctance = draw.reluctance[below(share(what, visits.CLAIMS), STEPS)]
    gain = claim_gain(fund(direct), fund(claim), hassle, waiting)
    failed = (not networked) + (not on_list) + (not filed) + (not coded) + (not up)
    way, pivotal, cause = choice(attentive, gain), False, BY_CHOICE
    if failed:
        pivotal = (failed == 1) & (way == DIRECT)
        way = otherwise(claims_anyway(fund(claim), hassle, waiting, reluctance))
        cause = first_cause(networked, on_list, filed, coded, up)
    owed, outside = claim, at_home.unlisted + at_home.over_ceiling
    if way == DIRECT:
        owed, outside = direct, at_host.unlisted + at_host.over_ceiling
    ordinary &= way == DIRECT
    if ordinary:
        row = row_direct
    return Case(way, cause, tier, pivotal, on_credit, bill, outside, gap, owed, row, ordinary)


@rule
def first_cause(networked: bool, on_list: bool, filed: bool, coded: bool, up: bool) -> int:
    """Return the first condition, in the order of `CONDITIONS`, that a case fails; choice if it meets all.

    >>> CAUSES[first_cause(True, True, False, False, True)], CAUSES[first_cause(True, True, True, True, True)]
    ('not_filed', 'choice')
    """
    return networked * (1 + on_list * (1 + filed * (1 + coded * (1 + up))))


@rule
def book(totals: Any, into: int, case: Any, weight: int, account: int, grade: int, local: int) -> None:
    """Add one case to the amounts of its cell, row `into`."""
    paid = fund(case.owed)
    totals[into, VISITS + case.channel] += weight
    totals[into, BILLS + case.channel] += weight * case.bill
    totals[into, FUND + case.channel] += weight * paid
    totals[into, GAP] += weight * case.gap
    totals[into, GAP_ZERO] += weight * (case.gap == 0)
    totals[into, CLAIM_MORE] += weight * (case.gap < 0)
    if case.ordinary:
        totals[into, AS_ORDINARY] += weight
        totals[into, FUND_AS_ORDINARY] += weight * paid
    if case.channel != DIRECT:
        totals[into, FIRST + case.cause] += weight
        totals[into, BILL_FIRST + case.cause] += weight * case.bill
        totals[into, ON_CREDIT] += weight * paid * case.on_credit
        if case.pivotal:
            totals[into, PIVOTAL + case.cause] += weight
            totals[into, BILL_PIVOTAL + case.cause] += weight * case.bill
    if case.channel != ABANDONED:
        totals[into, SUPPLEMENT] += weight * (paid - case.owed.basic)
        totals[into, ACCOUNT] += weight * account
        totals[into, LOCAL_FUND] += weight * paid * local
        totals[into, GRADED + grade] += weight * paid


@rule
def see(seen: Any, into: int, case: Any, weight: int) -> None:
    """Add one case to what hosts see by hospital tier and member group, row `into`."""
    seen[into, VISITS + case.channel] += weight
    seen[into, BILLS + case.channel] += weight * case.bill
    seen[into, FUND + case.channel] += weight * fund(case.owed)
    if case.channel != DIRECT:
        seen[into, SEEN_FIRST + case.cause] += weight


@rule
def care_at_home(
    key: int, s: int, who: int, month: int, year: Any, draw: Any, quantiles: Any, policies: Any, which: Any
) -> None:
    """Use up what care at home uses up of the year before the first visit elsewhere, in this month.

    Admissions at the national rate of the scheme up to then, and all outpatient care as one bill, at half the time, on
    a list that leaves the drawn share of a bill in scope.
    """
    at = month // 2
    begin_month(year, at)
    admitted = visits.pick_row(draw.admissions, s, month, uniform(mix(key, visits.ADMITTED)))
    for j in range(admitted + 1):  # the stays, then the outpatient bill
        stay, what = j < admitted, mix(key, visits.AT_HOME + (1 + j) * (j < admitted))
        kind, tier, mean = OUTPATIENT, 1, draw.outpatient_fen[s] * (month + 0.5)
        if stay:
            kind, tier = INPATIENT, visits.pick_one(draw.tiers_home, uniform(share(what, visits.WHICH_TIER)))
            mean = draw.admission_fen[s, tier]
        bill = visits.bill_fen(mean, quantiles[below(share(what, visits.HOW_DEAR), len(quantiles))])
        care, terms = of_kind(kind, -1), policies[which[who, asked(kind, LOCAL, at, tier)]]
        owed = settle(terms, Bill(bill, bill - part(bill, draw.in_scope_ppm), 0, 0), care, year, None)
        advance(year, care, owed, stay)


@rule
def disease_of(key: int, uses: int, draw: Any) -> int:
    """Return the disease of a chronic patient, -1 for a person who uses other care."""
    if uses & (1 << CHRONIC):
        return visits.pick_one(draw.diseases, uniform(mix(key, visits.DISEASE)))
    return -1


@rule
def draw_visits(key: int, uses: int, disease: int, draw: Any, when: Any) -> int:
    """Write month x kinds + kind of each visit of a person's year to `when`; return the number of visits."""
    number = 0
    for k in range(len(KINDS)):
        if uses & (1 << k):
            count = visits.pick_in(draw.counts, count_row(k, disease), uniform(mix(key, visits.HOW_MANY + k))) + 1
            own = mix(key, visits.WHEN + k)
            for j in range(count):
                when[number + j] = visits.pick_one(draw.season, uniform(mix(own, j))) * len(KINDS) + k
            number += count
    return number


@rule
def in_order(when: Any, number: int, slots: Any, order: Any) -> None:
    """Write the first `number` values of `when` to `order`, sorted; all lie below the length of `slots`.

    Counting them first leaves nothing for the processor to guess.
    """
    for i in range(len(slots)):
        slots[i] = 0
    for j in range(number):
        slots[when[j]] += 1
    place = 0
    for i in range(len(slots)):
        count = slots[i]
        slots[i] = place
        place += count
    for j in range(number):
        order[slots[when[j]]] = when[j]
        slots[when[j]] += 1


@rule
def cell_of(k: int, s: int, h: int, t: int, places: int) -> int:
    """Return the row of a table by kind, scheme, home and host."""
    return ((k * len(SCHEMES) + s) * places + h) * places + t


@rule
def is_real(luck: int, at: int, month: int, purpose: int, answer: Any) -> bool:
    """Return whether a person who is drawn at the envelope comes at all for what is asked about, see `response`."""
    odds = answer.real[at, month]
    return happens(luck, odds if answer.responds[purpose] else answer.still)


@apart
def loop(
    cells: Any,
    draw: Any,
    scale_fen: Any,
    quantiles: Any,
    policies: Any,
    which: Any,
    cover: Any,
    slot: Any,
    measure: Any,
    listed: Any,
    first: Any,
    lives: Any,
    measures: Any,
    period: Any,
    totals: Any,
    paid: Any,
    seen: Any,
    places: int,
    periods: int,
    answer: Any = None,
) -> int:
    """Live every person's year and add it up; return the visits lived through. The only loop over visits.

    A person's visits run in order of discharge month, of one month inpatient first, so that the state of the year is
    what a clerk would see.

    Parameters
    ----------
    cells : whom to live. draw : a record of `DRAW`. scale_fen, quantiles : see `draws.bill_scale`, `bill_quantiles`.
    policies, which, cover, slot, measure, listed, first, lives : see `policies.Rules.flat`. measures : records of
    `MEASURE`. period : which of its sums a visit goes to, (home x host x scheme x kind, month). totals, paid, seen :
    what is added to, (half x kind x scheme x home x host x period, amount); fund payment on direct cases and on claims,
    (kind x scheme x home x host x month, 2); `SEEN`, (kind x scheme x member x period x host x tier, amount). places,
    periods : number of areas and of periods. answer : how patients respond, see `response.Answer`; None if they do not,
    then every visit is real.
    """
    year = np.zeros(1, dtype=YEAR)[0]
    when = np.empty(len(KINDS) * visits.MOST_VISITS, dtype=np.uint8)  # unsigned: no index to be wrapped round
    order = np.empty_like(when)
    slots = np.zeros(MONTHS * len(KINDS), dtype=np.uint32)
    lived = 0
    for c in range(len(cells.number)):
        uses, s, p, h, t = cells.uses[c], cells.scheme[c], cells.purpose[c], cells.home[c], cells.host[c]
        weight, cell = cells.weight[c], mix(draw.key, cells.code[c])
        for person in range(cells.number[c]):
            key = mix(cell, cells.start[c] + person)
            disease = disease_of(key, uses, draw)
            number = draw_visits(key, uses, disease, draw, when)
            in_order(when, number, slots, order)
            lived += number
            attention = mix(key, visits.ATTENTIVE)
            who = insured(key, h, s, first, lives, draw.retired)
            balance = 0
            if s == EMPLOYEE:
                balance = draw.balances[below(mix(key, visits.BALANCE), STEPS)]
            begin_year(year)
            real, dearer, at_home = mix(key, visits.REAL), 1.0, draw.care_at_home and p != LONG_STAY
            ordinary = (disease >= 0) & happens(mix(key, visits.ORDINARY), draw.as_ordinary)
            half = (cells.half[c] + person) & 1
            base = (s * places + h) * places + t
            for j in range(number):
                month, k = order[j] // len(KINDS), order[j] % len(KINDS)
                if answer is not None:
                    at = cell_of(k, s, h, t, places)
                    if not is_real(real, at, month, p, answer):
                        lived -= 1
                        continue
                    dearer = answer.dearer[at, month]
                    if not answer.responds[p]:
                        dearer = 1.0
                if at_home:
                    care_at_home(key, s, who, month, year, draw, quantiles, policies, which)
                    at_home = False
                begin_month(year, month)
                attentive, sick = happens(attention, draw.attention[k]), disease if k == CHRONIC else -1
                alone, pair = (h * places + h) * len(KINDS) + k, (h * places + t) * len(KINDS) + k
                case = one_visit(
                    mix(key, visits.OF_VISIT + j), k, s, p, alone, pair, who, sick, ordinary, dearer, month, attentive,
                    year, draw, scale_fen, quantiles, policies, which, cover, slot, measure, listed, measures,
                )  # fmt: skip
                account = 0
                terms = policies[case.row]
                if case.channel != ABANDONED:
                    care = of_kind(OUTPATIENT, -1) if case.ordinary else of_kind(k, sick)
                    advance(year, care, case.owed, k == INPATIENT)
                    account = from_account(terms, Bill(case.bill, case.outside, 0, 0), fund(case.owed), balance)
                    balance -= account
                into = base + k * len(SCHEMES) * places * places
                if case.channel != ABANDONED:
                    paid[into * MONTHS + month, case.channel] += weight * fund(case.owed)
                span = period[((h * places + t) * len(SCHEMES) + s) * len(KINDS) + k, month]
                into = (into + half * len(KINDS) * len(SCHEMES) * places * places) * periods + span
                book(totals, into, case, weight, account, terms.grade, terms.local)
                into = ((k * len(SCHEMES) + s) * len(MEMBERS) + who % len(MEMBERS)) * periods + span
                see(seen, (into * places + t) * len(TIERS) + case.tier, case, weight)
    return lived
