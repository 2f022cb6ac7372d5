"""What a run counts, by name, and where each name stands; money in fen, visits in person-times."""

from __future__ import annotations

from simlib.terms import CHANNELS, GRADES

CONDITIONS = ("not_networked", "not_listed", "not_filed", "not_coded", "not_up")
"""What may keep a case from direct settlement, in the order in which the first is named."""
CAUSES = (*CONDITIONS, "choice")
"""Why a case is not settled directly: a condition, or the patient's choice where all are met."""
AMOUNTS = (
    "visits_direct",
    "visits_claimed",
    "visits_abandoned",
    "bill_direct",
    "bill_claimed",
    "bill_abandoned",
    "fund_direct",
    "fund_claimed",
    "owed_abandoned",
    "fund_supplement",
    "account",
    "benefit_gap",
    "visits_gap_zero",
    "visits_claim_pays_more",
    *(f"first_{cause}" for cause in CAUSES),
    "fund_local",
    *(f"fund_{grade}" for grade in GRADES),
    *(f"bill_first_{cause}" for cause in CAUSES),
    *(f"pivotal_{cause}" for cause in CONDITIONS),
    *(f"bill_pivotal_{cause}" for cause in CONDITIONS),
    "owed_on_credit",
    "visits_as_ordinary",
    "fund_as_ordinary",
    "recovered",
    "fined",
    "network_cost",
)
"""What a run counts, weighted: visits in person-times, money in fen.

`first_*` are first causes of not direct, `bill_first_*` their bills. `pivotal_*` are cases that would be direct if this
condition alone were met, at the prices that they have: those of the unfiled where a filing is wanted. `owed_on_credit`
is the part of what the fund owes on claimed and abandoned cases that no patient had to advance. `*_as_ordinary` are
the direct cases of chronic diseases not listed, settled as ordinary outpatient care. `fund_supplement` is
the part of direct and claimed fund payment above the basic fund's (layers 7, 8 and large-sum). `fund_local` is the part
that rests on a local deductible, ratio and away rule, `fund_<grade>` the part whose weakest number has that grade of
evidence. `recovered`, `fined` and `network_cost` are not of a visit: they are added once all are lived, see
`supervision` and `network`.
"""
VISITS, BILLS, FUND = (AMOUNTS.index(name) for name in ("visits_direct", "bill_direct", "fund_direct"))
"""Where each block of three starts: direct, claimed, abandoned; of the fund, the last is owed but not paid."""
SUPPLEMENT, ACCOUNT, GAP, GAP_ZERO, CLAIM_MORE, LOCAL_FUND, GRADED = (
    AMOUNTS.index(name)
    for name in (
        "fund_supplement",
        "account",
        "benefit_gap",
        "visits_gap_zero",
        "visits_claim_pays_more",
        "fund_local",
        f"fund_{GRADES[0]}",
    )
)
FIRST, BILL_FIRST = (AMOUNTS.index(f"{of}_{CAUSES[0]}") for of in ("first", "bill_first"))
PIVOTAL, BILL_PIVOTAL = (AMOUNTS.index(f"{of}_{CONDITIONS[0]}") for of in ("pivotal", "bill_pivotal"))
ON_CREDIT, RECOVERED, NETWORK_COST = (AMOUNTS.index(name) for name in ("owed_on_credit", "recovered", "network_cost"))
AS_ORDINARY, FUND_AS_ORDINARY = (AMOUNTS.index(f"{of}_as_ordinary") for of in ("visits", "fund"))
NOT_NETWORKED, NOT_LISTED, NOT_FILED, NOT_CODED, NOT_UP, BY_CHOICE = range(len(CAUSES))
SEEN = (*AMOUNTS[: FUND + len(CHANNELS)], *AMOUNTS[FIRST : FIRST + len(CAUSES)])
"""What is also counted by hospital tier and member group, named as in `AMOUNTS`: three blocks and the first causes."""
SEEN_FIRST = SEEN.index(AMOUNTS[FIRST])
