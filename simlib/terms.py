"""The words, axes and units of the model.

Everything here is used by every other module and imports none of them.
"""

from __future__ import annotations

from typing import Literal

SCHEMES = ("employee", "resident")
"""Employee scheme 职工医保 and resident scheme 居民医保."""

KINDS = ("inpatient", "outpatient", "chronic", "pharmacy")
"""Kinds of care: 住院, 普通门诊, 门诊慢特病, 定点药店; outpatient is ordinary outpatient care only."""

MEMBERS = ("working", "retired")
"""Member groups 在职 and 退休; of residents, below 60 and from 60 on, where an area tells them apart."""

PURPOSES = ("long_stay", "referral", "emergency", "temporary")
"""Why the patient is in the host province."""

FILINGS = ("long_stay", "referral", "emergency", "temporary", "unfiled")
"""What the rule sees 备案: the purpose if a filing is valid, else unfiled."""

TIERS = (1, 2, 3)
"""Hospital levels 一级, 二级, 三级."""

CATEGORIES = ("drug", "service", "consumable")
"""Categories of items on a catalogue 药品, 诊疗项目和服务设施, 医用耗材."""

CATALOGUE_RULES = ("host", "home", "either", "both")
"""Whose catalogue prices a direct settlement; `either` takes the larger payable item by item."""

CHANNELS = ("direct", "claimed", "abandoned")
"""直接结算, 手工报销, and care received with nothing reimbursed."""

MONTHS = 12
STEPS = 4096
"""Steps of a quantile table."""
FEN = 100
"""Fen in a yuan; money is int64 fen."""
PPM = 1_000_000
"""Shares are int64 millionths."""
WHOLE_MONTHS = "whole months"
INSTITUTIONS = "institutions"
"""Unit of a lag, which the ledger counts in months."""

EMPLOYEE = SCHEMES.index("employee")
INPATIENT, OUTPATIENT, CHRONIC, PHARMACY = range(4)
LONG_STAY, EMERGENCY, UNFILED = PURPOSES.index("long_stay"), PURPOSES.index("emergency"), FILINGS.index("unfiled")
LOCAL = len(FILINGS)
"""Care at home, where a policy is asked for by filing."""
DIRECT, CLAIMED, ABANDONED = range(3)

Grade = Literal["official", "press", "academic", "derived", "weak", "assumed"]
GRADES: tuple[Grade, ...] = ("official", "press", "academic", "derived", "weak", "assumed")
"""Grades of evidence, strongest first."""
