"""What it costs to run what a scenario sets, as far as a run knows: roll-out, claims by hand, waiting for them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.settlement.channels import Channels, Claims, Credit
from simlib.settlement.network import Network
from simlib.study.effects import around
from simlib.study.results import Results
from simlib.terms import KINDS

Array = npt.NDArray[np.float64]

CLAIM_COST = {kind: Channels.hassle_inpatient if kind == "inpatient" else Channels.hassle_outpatient for kind in KINDS}
"""What a claim by hand costs the patient in time and trips, by kind of care."""
EASED = frozenset(q.id for q in (Claims.hassle_saved, Claims.waiting_saved, Credit.covered))
"""Levers that make a claim by hand cost less: the amounts of a run do not say by how much on each."""
UNKNOWN = ("agencies", "hospitals", "fees")
"""What running it costs that no run knows, as nothing is published of it."""


def costs(study: Results) -> pd.DataFrame:
    """Return what a run knows of the cost of running what is set, on all care that is changed; empty if none is.

    Columns: item, unit, base (without the scenario, mean over draws), change with _low and _high.

    Formulas
    --------
    connecting = the year's roll-out of the network (institutions x cost of one), yuan; claims = claims by hand;
    trouble = claims x `channels.hassle` of their kind, yuan; waiting = what funds pay on claims x shadow interest of
    the patient x months until it is paid, yuan. The last two at the cost of a claim without measures.
    """
    known = study.uncertain
    waiting = (known[Channels.interest.id] * known[Channels.delay_months.id]).to_numpy()
    found: dict[tuple[str, str], list[Array]] = {}
    for kind in KINDS:
        if (label := f"pairs=changed;kind={kind}") not in study.amounts.groups:
            continue
        claims, paid = (np.stack(study.amounts.counted(name, label)) for name in ("visits_claimed", "fund_claimed"))
        rows = {
            ("connecting", "yuan"): np.stack(study.amounts.both("network_cost", label)),
            ("claims", "claims"): claims,
            ("trouble", "yuan"): claims * known[CLAIM_COST[kind].id].to_numpy(),
            ("waiting", "yuan"): paid * waiting,
        }
        for key, of_kind in rows.items():
            found.setdefault(key, []).append(of_kind)
    out = []
    for (item, unit), kinds in found.items():
        before, after = np.sum(kinds, axis=0)
        out.append({"item": item, "unit": unit, "base": float(before.mean())} | around(after - before, "change"))
    return pd.DataFrame(out)


def institution(study: Results) -> dict[str, float]:
    """Return what connecting one institution costs in the draws, yuan: each, each_low, each_high."""
    return around(study.uncertain[Network.cost.id].to_numpy(dtype=float), "each")


def eases_claims(study: Results) -> bool:
    """Return whether a scenario makes claims by hand cost less."""
    return bool({str(one["lever"]) for one in study.facts["sets"]} & EASED)
