"""A benefit policy as people write it, checked, and as the loop reads it.

Every form of a layer that a fund may use is one key of `Terms`; `record` turns it into one record of
`benefits.POLICY`. Money is written in yuan and kept in fen, shares are kept in ppm.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from simlib.benefits.layers import MOST_BANDS, NO_LIMIT_FEN, PER_DISEASE, PER_MONTH, PER_VISIT, PER_YEAR, POLICY
from simlib.errors import shown
from simlib.files.display import Display, Displayed
from simlib.files.shapes import Frozen
from simlib.quantities import Quantity, checked
from simlib.terms import FEN, KINDS, PPM

MOST_YUAN = 1_000_000_000
"""The largest amount and the largest bill: up to it the layers are exact in int64."""

MOST_DEDUCTIBLE_YUAN = 1_000_000
"""The largest deductible, before its factor."""

Kind = Literal["inpatient", "outpatient", "chronic", "pharmacy"]
Count = Literal["gross", "net"]
PERIODS = {
    "visit": PER_VISIT,
    "visit of any kind": PER_VISIT,
    "year": PER_YEAR,
    "month": PER_MONTH,
    "disease": PER_DISEASE,
}


def _whole(quantity: Quantity, decimals: int, value: Any) -> int:
    """Return a number of a file in units of its last decimal, such as yuan in fen; ValueError says why not."""
    checked(quantity, value)
    # str gives the shortest decimal that means this float: what the file says.
    written = Decimal(str(value))
    rounded = written.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if rounded != written:
        raise ValueError(f"{shown(value)} has more than {decimals} decimals. Write {rounded}.")
    return int(rounded.scaleb(decimals))


def written(unit: str, decimals: int, low: float, high: float) -> BeforeValidator:
    """Return how pydantic reads a number in a unit, and what the JSON Schema says of it."""
    about: dict[str, Any] = {"id": "", "meaning": "a number of a case", "meaning_zh": "", "source": "the case file"}
    quantity = Quantity(**about, unit=unit, role="fact", grade="official", low=low, high=high)
    shape = Annotated[float, Field(ge=low, le=high)]
    return BeforeValidator(lambda value: _whole(quantity, decimals, value), json_schema_input_type=shape)


def several(value: Any) -> Any:
    """Return a list of a file as a tuple."""
    if value == []:
        raise ValueError("is empty. Write at least one entry, each after a dash.")
    return tuple(value) if isinstance(value, list) else value


def _short(most: float, model: type[Frozen], whole: Callable[[float], dict[str, Any]]) -> WrapValidator:
    """Return how a plain number is read where a model may stand; what is wrong with it is said at its own place."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        """Return the model, the number in its place in it."""
        if not isinstance(value, (int, float)):
            return handler(value)
        try:
            return handler(whole(value))
        except ValidationError as error:
            raise ValueError(error.errors()[0]["ctx"]["error"]) from None

    return WrapValidator(read, json_schema_input_type=Annotated[float, Field(ge=0, le=most)] | model)


def _amount(value: float) -> dict[str, Any]:
    """Return a plain number as an amount."""
    return {"amount": value}


Yuan = Annotated[int, written("yuan", 2, 0, MOST_YUAN)]
"""Written in yuan, kept in fen."""
Share = Annotated[int, written("share", 6, 0, 1)]
"""Written as a share, kept in ppm."""
Factor = Annotated[int, written("times", 3, 0, 10)]
"""Written as a multiple, kept in thousandths."""


class Deductible(Frozen):
    """What the patient bears before the ratio (起付线): a fixed amount, or a share of the bill with floor and ceiling.

    `second` and `third_and_later` are for later admissions of the calendar year, of a share of the bill its floor; left
    out, the one before stands. They lower the deductible of other care after a stay only `per: visit of any kind`.
    `factor` multiplies all amounts (away from home, twice as much for instance).
    """

    amount: Annotated[int, written("yuan", 2, 0, MOST_DEDUCTIBLE_YUAN)] | None = Field(
        None, description="amount: yuan of the first admission"
    )
    second: Annotated[int, written("yuan", 2, 0, MOST_DEDUCTIBLE_YUAN)] | None = None
    third_and_later: Annotated[int, written("yuan", 2, 0, MOST_DEDUCTIBLE_YUAN)] | None = None
    share_of_bill: Share | None = Field(None, description="share_of_bill: such as 0.2, with floor and ceiling")
    floor: Annotated[int, written("yuan", 2, 0, MOST_DEDUCTIBLE_YUAN)] = 0
    ceiling: Annotated[int, written("yuan", 2, 0, MOST_DEDUCTIBLE_YUAN)] | None = None
    factor: Factor = 1000
    per: Literal["visit", "visit of any kind", "year", "month", "disease"] = "visit"

    @model_validator(mode="after")
    def _one_form(self) -> Deductible:
        """Refuse a mixture of the two forms."""
        if (self.amount is None) == (self.share_of_bill is None):
            raise ValueError("needs either amount or share_of_bill. Write one of them.")
        if self.amount is not None and (self.floor or self.ceiling is not None):
            raise ValueError("floor and ceiling go with share_of_bill, not with amount. Delete them.")
        if self.ceiling is not None and self.ceiling < max(self.floor, self.second or 0, self.third_and_later or 0):
            raise ValueError("the ceiling is below the floor. Write the larger one as ceiling.")
        if (self.share_of_bill or 0) * self.factor % 1000:
            raise ValueError("share_of_bill times factor has over 6 decimals. Round one of them.")
        return self


class Band(Frozen):
    """One band of a ratio; `to` is left out in a last band without end. `from` may be written, and is then checked."""

    from_: Yuan | None = Field(None, alias="from")
    to: Yuan | None = None
    ratio: Share


def _joined(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Return bands that follow each other without gap or overlap."""
    end: int | None = 0
    for number, band in enumerate(bands, 1):
        start = band.from_
        if end is None:
            raise ValueError(f"band {number} follows a band without end. Write to in band {number - 1}.")
        if start is not None and start != end and number > 1:
            what = "leaves a gap" if start > end else "overlaps"
            raise ValueError(f"band {number} {what}: it starts at {yuan(start)}, the one before ends at {yuan(end)}.")
        if band.to is not None and band.to <= (end if start is None else max(start, end)):
            raise ValueError(f"band {number} ends at {yuan(band.to)}, not above {yuan(end)}. Write bands upwards.")
        end = band.to
    return bands


Bands = Annotated[
    tuple[Band, ...],
    BeforeValidator(several),
    AfterValidator(_joined),
    Field(max_length=MOST_BANDS, json_schema_extra={"minItems": 1}),
]


def _counted(count: Count | None, info: ValidationInfo) -> Count | None:
    """Return how several bands count; one band counts the same either way."""
    if count is None and len(info.data.get("bands", ())) > 1:
        raise ValueError("missing. Several bands count the amount before the deductible (gross) or after it (net).")
    return count


Counted = Annotated[Count | None, AfterValidator(_counted)]


class Ratio(Frozen):
    """The fund's share (支付比例), by bands if there are several; they run per visit unless `over: year`."""

    bands: Bands = Field(description="bands: a list of {to: 30000, ratio: 0.85}")
    count: Counted = Field(None, validate_default=True)
    over: Literal["visit", "year"] = "visit"


class Cap(Frozen):
    """A cap on what the basic fund pays (封顶线), over the kinds of care that it covers together."""

    amount: Yuan = Field(description="amount: yuan")
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(several)] | None = None


class Catastrophic(Frozen):
    """Catastrophic insurance (大病保险): above a threshold of the year, in bands gross or net of the threshold."""

    threshold: Yuan = Field(description="threshold: yuan a year")
    bands: Bands = Field(description="bands: a list of {to: 50000, ratio: 0.6}")
    count: Counted = Field(None, validate_default=True)
    cap: Yuan | None = None
    counts_class_b: bool = False
    counts_away: bool = False
    leaves_out_over_limit: bool = False


class Assistance(Frozen):
    """Medical assistance (医疗救助) or tilt assistance (倾斜救助): a share above a threshold of the year, capped."""

    threshold: Yuan = 0
    ratio: Share = Field(description="ratio: such as 0.7")
    cap: Yuan | None = None


class Terms(Displayed, Frozen):
    """The home's policy for one kind of care, hospital tier, filing and member group."""

    deductible: Annotated[Deductible, _short(MOST_DEDUCTIBLE_YUAN, Deductible, _amount)] = Field(
        description="deductible: yuan, 0 if there is none (起付线)"
    )
    ratio: Annotated[Ratio, _short(1, Ratio, lambda value: {"bands": [{"ratio": value}]})] = Field(
        description="ratio: the fund's share, such as 0.85 (支付比例)"
    )
    first_self_pay_away: Share = Field(0, description="share borne first, away from home (异地先行自付)")
    points_off: Share = Field(0, description="share taken off the ratio, away: 0.1 for 10 percentage points")
    ratio_factor: Share = Field(PPM, description="what the ratio is multiplied by, away, such as 0.8")
    floor_ratio: Share = Field(0, description="least share of the amount in scope that the fund pays (保底)")
    cap: Annotated[Cap, _short(MOST_YUAN, Cap, _amount)] | None = Field(
        None, description="cap of the year, all kinds unless named"
    )
    kind_cap: Annotated[Cap, _short(MOST_YUAN, Cap, _amount)] | None = Field(
        None, description="cap of the year for this kind of care"
    )
    month_cap: Annotated[Cap, _short(MOST_YUAN, Cap, _amount)] | None = Field(
        None, description="cap of a month, this kind of care"
    )
    disease_cap: Yuan | None = Field(None, description="cap of a disease and year")
    disease_month_cap: Yuan | None = Field(None, description="cap of a disease and month")
    above_cap_ratio: Share = Field(0, description="share paid of cost above the caps (large-sum 大额)")
    catastrophic: Catastrophic | None = None
    assistance: Assistance | None = None
    tilt: Assistance | None = None
    account_in_scope_only: bool = False

    @model_validator(mode="after")
    def _exact_ratio(self) -> Terms:
        """Refuse ratios that have more decimals than a ppm once points and factor are taken."""
        for band in self.ratio.bands:
            if max(band.ratio - self.points_off, 0) * self.ratio_factor % PPM:
                raise ValueError("ratio less points_off times ratio_factor has over 6 decimals. Round one of them.")
        return self

    def _display(self) -> Display:
        """Return each field that differs from its default, in words."""
        from simlib.benefits.area_sheet import described  # it stands above: words for people

        plain = {name for name, field in type(self).model_fields.items() if getattr(self, name) == field.default}
        away = "away" if {"first_self_pay_away", "points_off", "ratio_factor"} - plain else ""
        fields = ("deductible", "ratio", away, "floor_ratio", "cap", "kind_cap", "month_cap", "disease_cap",
                  "disease_month_cap", "above_cap_ratio", "catastrophic", "assistance", "tilt")  # fmt: skip
        rows = [(name, described(self, name)) for name in fields if name and name not in plain]
        return Display(["A benefit policy, amounts in yuan"], ("field", "value"), rows)

    def ratio_away(self, band: Band) -> int:
        """Return the ratio of a band after points and factor, ppm: (ratio - points) x factor, not below 0."""
        return max(band.ratio - self.points_off, 0) * self.ratio_factor // PPM


def record(terms: Terms, kind: int, grade: int = 0, local: int = 0) -> Any:
    """Return terms as the loop reads them, one record of `benefits.POLICY`, for a kind of care.

    >>> r = record(Terms.model_validate({"deductible": 1300, "ratio": 0.8, "points_off": 0.1}), 0)
    >>> int(r["ratio_ppm"][0]), int(r["deductible_low"][0]) // 1_000_000
    (700000, 130000)
    """
    out = np.zeros((), dtype=POLICY)
    out["grade"], out["local"] = grade, local
    out["first_share_ppm"], out["floor_ratio_ppm"] = terms.first_self_pay_away, terms.floor_ratio
    out["above_cap_ratio_ppm"], out["account_in_scope"] = terms.above_cap_ratio, terms.account_in_scope_only
    _put_deductible(out, terms.deductible)
    ends = [NO_LIMIT_FEN if band.to is None else band.to for band in terms.ratio.bands]
    out["bands"], out["band_to_fen"][: len(ends)] = len(ends), ends
    out["ratio_ppm"][: len(ends)] = [terms.ratio_away(band) for band in terms.ratio.bands]
    out["bands_gross"], out["bands_yearly"] = terms.ratio.count == "gross", terms.ratio.over == "year"
    _put_caps(out, terms, kind)
    _put_catastrophic(out, terms.catastrophic)
    for name, payer in (("assistance", terms.assistance), ("tilt", terms.tilt)):
        out[f"{name}_cap_fen"] = NO_LIMIT_FEN
        if payer is not None:
            out[f"{name}_threshold_fen"], out[f"{name}_ratio_ppm"] = payer.threshold, payer.ratio
            out[f"{name}_cap_fen"] = NO_LIMIT_FEN if payer.cap is None else payer.cap
    return out[()]


def _put_deductible(out: Any, terms: Deductible) -> None:
    """Write a deductible into a record, as share, floor and ceiling by number of the admission."""
    out["deductible_period"], out["deductible_any_kind"] = PERIODS[terms.per], terms.per == "visit of any kind"
    factor = terms.factor * (PPM // 1000)
    first = terms.floor if terms.amount is None else terms.amount
    second = first if terms.second is None else terms.second
    third = second if terms.third_and_later is None else terms.third_and_later
    out["deductible_low"] = out["deductible_high"] = [amount * factor for amount in (first, second, third)]
    if terms.amount is None:
        out["deductible_share_ppm"] = (terms.share_of_bill or 0) * terms.factor // 1000
        out["deductible_high"] = 10 * NO_LIMIT_FEN if terms.ceiling is None else terms.ceiling * factor  # 10^18 at most


def _put_caps(out: Any, terms: Terms, kind: int) -> None:
    """Write the caps into a record; without kinds the yearly cap covers all, the others this kind of care."""
    everything, own = (1 << len(KINDS)) - 1, 1 << kind
    for name, cap, covers in (
        ("cap", terms.cap, everything),
        ("kind_cap", terms.kind_cap, own),
        ("month_cap", terms.month_cap, own),
    ):
        out[f"{name}_fen"] = NO_LIMIT_FEN if cap is None else cap.amount
        named = cap.kinds if cap is not None else None
        out[f"{name}_kinds"] = sum(1 << KINDS.index(k) for k in dict.fromkeys(named)) if named else covers
    for name, amount in (("disease_cap", terms.disease_cap), ("disease_month_cap", terms.disease_month_cap)):
        out[f"{name}_fen"] = NO_LIMIT_FEN if amount is None else amount
    caps = (terms.kind_cap, terms.month_cap, terms.disease_cap, terms.disease_month_cap)
    out["limits"] = any(cap is not None for cap in caps)


def _put_catastrophic(out: Any, terms: Catastrophic | None) -> None:
    """Write catastrophic insurance into a record; net bands are moved up by the threshold, which makes them gross."""
    out["catastrophic_cap_fen"] = NO_LIMIT_FEN
    if terms is None:
        return
    up = terms.threshold if terms.count == "net" else 0
    ends = [NO_LIMIT_FEN if band.to is None else band.to + up for band in terms.bands]
    out["catastrophic_bands"], out["catastrophic_to_fen"][: len(ends)] = len(ends), ends
    out["catastrophic_ratio_ppm"][: len(ends)] = [band.ratio for band in terms.bands]
    out["catastrophic_threshold_fen"] = terms.threshold
    out["catastrophic_cap_fen"] = NO_LIMIT_FEN if terms.cap is None else terms.cap
    for flag in ("counts_class_b", "counts_away", "leaves_out_over_limit"):
        out[f"catastrophic_{flag}"] = getattr(terms, flag)


def yuan(fen: int) -> str:
    """Return an amount in yuan with both decimals."""
    return f"{fen / FEN:,.2f}"
