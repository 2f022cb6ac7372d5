"""Items, baskets, and what each catalogue rule leaves open of a bill.

Item catalogues of services and consumables are not public as data. They are **synthetic**: generated anew in
every parameter draw, with the agreement between provinces an unknown. A province copies its region's list,
which copies the national one; what is not copied is decided afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simlib.areas import Place
from simlib.luck import LISTS, uniforms
from simlib.terms import CATALOGUE_RULES, CATEGORIES, KINDS, PPM, Params, Quantity, fact, lever, unknown

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

ITEMS = 200
"""Items of each category on the generated catalogues."""

BASKETS = 256
"""Case groups per kind, each a spending mix over items."""

HOST, HOME, EITHER, BOTH = range(4)
DRUG, SERVICE, CONSUMABLE = range(3)
PARTS = ("unlisted", "over_ceiling", "self_pay", "eligible")
RULE = dict(unit="rule", axes=("home", "host", "kind"), choices=CATALOGUE_RULES, grade="official",
            source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: host's catalogue (就医地目录)")  # fmt: skip
REACH = dict(unit="share", axes=("home", "host", "kind"), low=0.0, high=1.0, source="policy choice", grade="assumed")


class Catalogue(Params, prefix="catalogue"):
    """Whose list prices a direct settlement, and how far the lists agree."""

    rule__drug = lever("whose drug list prices a direct settlement", "host", **RULE)  # type: ignore[arg-type]
    rule__service = lever("whose list of services and facilities prices a direct settlement", "host", **RULE)  # type: ignore[arg-type]
    rule__consumable = lever("whose consumable list prices a direct settlement", "host", **RULE)  # type: ignore[arg-type]
    reach__drug = lever("share of drugs that the rule reaches; the host's list prices the rest", 1.0, **REACH)  # type: ignore[arg-type]
    reach__service = lever("share of services that the rule reaches; the host's list prices the rest", 1.0, **REACH)  # type: ignore[arg-type]
    reach__consumable = lever("share of consumables that the rule reaches; the host's list prices the rest", 1.0, **REACH)  # type: ignore[arg-type]
    listed_service = unknown("share of service spending that a province lists", 0.85, 0.97, unit="share")
    listed_consumable = unknown("share of consumable spending that a province lists", 0.55, 0.85, unit="share")
    agree_service_delta = unknown("agreement of service lists inside the Yangtze Delta, by spending", 0.85, 0.99, default=0.93,
                                  dist="triangular", unit="share", source="range assumed; Shanghai press 2023: relatively unified")  # fmt: skip
    agree_service = unknown("agreement of service lists elsewhere, by spending", 0.6, 0.97, default=0.85, dist="triangular", unit="share")
    agree_consumable = unknown("agreement of consumable lists, by spending", 0.5, 0.95, default=0.75, dist="triangular", unit="share")
    agree_share = unknown("agreement of first self-pay shares of items that both list, by category", 0.5, 0.95, unit="share", axes=("category",))
    agree_ceiling = unknown("agreement of price ceilings of services and consumables that both list", 0.4, 0.9, unit="share")
    class_a_drug = unknown("share of drug spending in class A (no first self-pay)", 0.25, 0.5, unit="share")
    class_a_service = unknown("share of listed service spending without first self-pay", 0.7, 0.95, unit="share")
    class_a_consumable = unknown("share of listed consumable spending without first self-pay", 0.2, 0.6, unit="share")
    capped_service = unknown("share of listed service spending with a price ceiling below the price", 0.0, 0.1, unit="share")
    capped_consumable = unknown("share of listed consumable spending with a price ceiling below the price", 0.1, 0.4, unit="share")
    drug_share = unknown("share of drugs in an ordinary inpatient bill", 0.25, 0.4, unit="share")
    consumable_share = unknown("share of consumables in an ordinary inpatient bill", 0.08, 0.2, unit="share")
    implant_baskets = unknown("share of inpatient case groups with dear implants", 0.04, 0.12, unit="share")
    drug_share_outpatient = unknown("share of drugs in an outpatient bill", 0.5, 0.7, unit="share")
    implant_bill = fact("bill of a case group with implants against an ordinary one", 2.5, unit="ratio", source="assumption", grade="assumed")


SELF_PAY = np.array([0.05, 0.1, 0.15, 0.2, 0.3])
"""First self-pay shares that class B items carry; drug pages print 0.10 to 0.30, consumables 0.30 and more."""


@dataclass(frozen=True)
class Lists:
    """The generated catalogues of one draw.

    Attributes
    ----------
    parts : what each province leaves of one yuan spent on an item, ppm summing to 1e6, (province, item, part).
    basket : spending mix of each case group over items, ppm summing to 1e6, (kind, basket, item).
    bill : mean bill of each case group against all, (kind, basket); mean 1 per kind.
    order : uniform number of each item: a rule of reach x takes the items below x, (item,).
    """

    parts: Array
    basket: Array
    bill: Array
    order: Array
