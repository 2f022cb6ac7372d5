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
from simlib.benefits.layers import YEAR, Bill, advance, begin_month, begin_year, from_account, fund, part, settle
from simlib.compiled import apart, rule
from simlib.patients import visits
from simlib.patients.chronic import RUNGS, count_row
from simlib.randomness import below, happens, mix, share, uniform
from simlib.simulation.visit import DrawnVisit, SettledVisit, Tables, asked, of_kind, one_visit
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
)

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


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


class Cell(NamedTuple):
    """One entry of `Cells`, with the key of its random numbers in a draw."""

    uses: int
    scheme: int
    purpose: int
    home: int
    host: int
    weight: int
    key: int
    start: int
    half: int


class Person(NamedTuple):
    """One person of a cell: what decides that person's year.

    who : row of the table of policies, see `insured`. disease : chronic, -1 for none. ordinary, rung : see
    `DrawnVisit`. balance : of the personal account when the year begins, fen. half : of the sample. weight : how many
    it stands for.
    """

    key: int
    uses: int
    scheme: int
    purpose: int
    home: int
    host: int
    who: int
    disease: int
    ordinary: bool
    rung: int
    balance: int
    half: int
    weight: int


class Sums(NamedTuple):
    """What the loop adds to.

    totals : (half x kind x scheme x home x host x period, amount). paid : fund payment on direct cases and on claims,
    (kind x scheme x home x host x month, 2). seen : `SEEN`, (kind x scheme x member x period x host x tier, amount).
    period : which of its sums a visit goes to, (home x host x scheme x kind, month). places, periods : how many.
    """

    totals: Any
    paid: Any
    seen: Any
    period: Any
    places: int
    periods: int


@apart
def loop(cells: Cells, draw: Any, tables: Tables, sums: Sums, answer: Any) -> int:
    """Simulate every person's year and add it up; return the number of visits. The only loop over visits.

    A person's visits run in order of discharge month, of one month inpatient first, so that the state of the year is
    what a clerk would see.

    Parameters
    ----------
    cells : whom to simulate. draw : a record of `DRAW`. tables : of a scenario's year. sums : what is added to.
    answer : how patients respond, see `response.Answer`; None if they do not, then every visit is real.
    """
    year = np.zeros(1, dtype=YEAR)[0]
    when = np.empty(len(KINDS) * visits.MOST_VISITS, dtype=np.uint8)  # unsigned: no index to be wrapped round
    order = np.empty_like(when)
    slots = np.zeros(MONTHS * len(KINDS), dtype=np.uint32)
    number = 0
    for c in range(len(cells.number)):
        cell = cell_at(cells, c, draw)
        for nth in range(cells.number[c]):
            person = person_of(cell, nth, draw, tables)
            drawn = draw_visits(person.key, person.uses, person.disease, draw, when)
            in_order(when, drawn, slots, order)
            begin_year(year)
            balance, at_home = person.balance, draw.care_at_home and person.purpose != LONG_STAY
            for j in range(drawn):
                month, kind, dearer = order[j] // len(KINDS), order[j] % len(KINDS), 1.0
                if answer is not None:
                    at = cell_of(kind, person.scheme, person.home, person.host, sums.places)
                    if not is_real(person, at, month, answer):
                        continue
                    dearer = dearer_by(person, at, month, answer)
                if at_home:
                    care_at_home(person, month, year, draw, tables)
                    at_home = False
                begin_month(year, month)
                visit = visit_of(person, month, kind, dearer, draw, sums.places)
                case = one_visit(mix(person.key, visits.OF_VISIT + j), visit, year, draw, tables)
                account = use_up(year, visit, case, balance, tables)
                balance -= account
                add(sums, person, visit, case, account, tables)
                number += 1
    return number


@rule
def cell_at(cells: Cells, c: int, draw: Any) -> Cell:
    """Return one entry of the cells."""
    where = cells.purpose[c], cells.home[c], cells.host[c]
    key = mix(draw.key, cells.code[c])
    return Cell(cells.uses[c], cells.scheme[c], *where, cells.weight[c], key, cells.start[c], cells.half[c])


@rule
def person_of(cell: Cell, nth: int, draw: Any, tables: Tables) -> Person:
    """Return one of the people of a cell."""
    uses, scheme, home = cell.uses, cell.scheme, cell.home
    key = mix(cell.key, cell.start + nth)
    disease = disease_of(key, uses, draw)
    ordinary = (disease >= 0) & happens(mix(key, visits.ORDINARY), draw.as_ordinary)
    balance = 0
    if scheme == EMPLOYEE:
        balance = draw.balances[below(mix(key, visits.BALANCE), STEPS)]
    who, half = insured(key, home, scheme, draw, tables), (cell.half + nth) & 1
    where = cell.purpose, home, cell.host
    rung = below(mix(key, visits.RUNG), RUNGS)
    return Person(key, uses, scheme, *where, who, disease, ordinary, rung, balance, half, cell.weight)


@rule
def visit_of(person: Person, month: int, kind: int, dearer: float, draw: Any, places: int) -> DrawnVisit:
    """Return a visit of a person."""
    attentive = happens(mix(person.key, visits.ATTENTIVE), draw.attention[kind])
    pair = (person.home * places + person.host) * len(KINDS) + kind
    alone = (person.home * places + person.home) * len(KINDS) + kind
    disease = person.disease if kind == CHRONIC else -1
    where = person.scheme, person.purpose, pair, alone, person.who
    return DrawnVisit(kind, *where, disease, person.ordinary, person.rung, dearer, month, attentive)


@rule
def use_up(year: Any, visit: DrawnVisit, case: SettledVisit, balance: int, tables: Tables) -> int:
    """Use up of the year what a visit uses up; return what the personal account pays, fen."""
    terms, account = tables.policies[case.row], 0
    if case.channel != ABANDONED:
        care = of_kind(OUTPATIENT, -1) if case.ordinary else of_kind(visit.kind, visit.disease)
        advance(year, care, case.owed, visit.kind == INPATIENT)
        account = from_account(terms, Bill(case.bill, case.outside, 0, 0), fund(case.owed), balance)
    return account


@rule
def add(sums: Sums, person: Person, visit: DrawnVisit, case: SettledVisit, account: int, tables: Tables) -> None:
    """Add a visit to all that is summed."""
    k, s, h, t, places = visit.kind, visit.scheme, person.home, person.host, sums.places
    terms, into = tables.policies[case.row], cell_of(k, s, h, t, places)
    if case.channel != ABANDONED:
        sums.paid[into * MONTHS + visit.month, case.channel] += person.weight * fund(case.owed)
    span = sums.period[((h * places + t) * len(SCHEMES) + s) * len(KINDS) + k, visit.month]
    into = (into + person.half * len(KINDS) * len(SCHEMES) * places * places) * sums.periods + span
    book(sums.totals, into, case, person.weight, account, terms.grade, terms.local)
    into = ((k * len(SCHEMES) + s) * len(MEMBERS) + person.who % len(MEMBERS)) * sums.periods + span
    see(sums.seen, (into * places + t) * len(TIERS) + case.tier, case, person.weight)


@rule
def insured(key: int, home: int, scheme: int, draw: Any, tables: Tables) -> int:
    """Return the row of the table of policies for a person: (pool, scheme, member) flattened.

    The pool is one of the home's, see `policies.Rules`, and the member group one of the two, both by random numbers.
    """
    at = uniform(mix(key, visits.INSURED))
    pool: int = tables.first[home]
    for i in range(tables.lives.shape[1]):  # all of them: a processor cannot foresee which
        pool += tables.lives[home, i] < at
    return (pool * len(SCHEMES) + scheme) * len(MEMBERS) + happens(mix(key, visits.RETIRED), draw.retired[scheme])


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
def is_real(person: Person, at: int, month: int, answer: Any) -> bool:
    """Return whether a person who is drawn at the envelope comes at all for what is asked about, see `response`."""
    odds = answer.real[at, month]
    return happens(mix(person.key, visits.REAL), odds if answer.responds[person.purpose] else answer.still)


@rule
def dearer_by(person: Person, at: int, month: int, answer: Any) -> float:
    """Return the bill of a person who comes against that of the draw, see `response`."""
    dearer: float = answer.dearer[at, month]
    return dearer if answer.responds[person.purpose] else 1.0


@rule
def care_at_home(person: Person, month: int, year: Any, draw: Any, tables: Tables) -> None:
    """Use up what care at home uses up of the year before the first visit elsewhere, in this month.

    Admissions at the national rate of the scheme up to then, and all outpatient care as one bill, at half the time, on
    a list that leaves the drawn share of a bill in scope.
    """
    at = month // 2
    begin_month(year, at)
    admitted = visits.pick_row(draw.admissions, person.scheme, month, uniform(mix(person.key, visits.ADMITTED)))
    for j in range(admitted + 1):  # the stays, then the outpatient bill
        stay, what = j < admitted, mix(person.key, visits.AT_HOME + (1 + j) * (j < admitted))
        kind, tier, mean = OUTPATIENT, 1, draw.outpatient_fen[person.scheme] * (month + 0.5)
        if stay:
            kind, tier = INPATIENT, visits.pick_one(draw.tiers_home, uniform(share(what, visits.WHICH_TIER)))
            mean = draw.admission_fen[person.scheme, tier]
        bill = visits.bill_fen(mean, tables.quantiles[below(share(what, visits.HOW_DEAR), len(tables.quantiles))])
        care, terms = of_kind(kind, -1), tables.policies[tables.which[person.who, asked(kind, LOCAL, at, tier)]]
        owed = settle(terms, Bill(bill, bill - part(bill, draw.in_scope_ppm), 0, 0), care, year, None)
        advance(year, care, owed, stay)


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
