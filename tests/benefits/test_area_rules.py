"""Local policies: the published numbers arrive, fields are inherited one by one, and every number says where from."""

import json
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

from simlib.benefits import area_rules, national, policy
from simlib.benefits.area_rules import Situation
from simlib.cli import main
from simlib.errors import BadInputError
from simlib.files import facts
from simlib.terms import FILINGS, GRADES, KINDS, MEMBERS, SCHEMES, TIERS

AWAY_OR_HOME = ("local", *FILINGS)
ROWS = facts.read("benefits")
Care = dict[str, Any]


def terms(area: str, scheme: str = "resident", **care: Any) -> policy.Terms:
    return found(area, scheme, **care)[0]


def origin(area: str, scheme: str = "resident", **care: Any) -> dict[str, area_rules.Origin]:
    return dict(found(area, scheme, **care)[1])


def found(area: str, scheme: str, **care: Any) -> tuple[policy.Terms, tuple[tuple[str, area_rules.Origin], ...]]:
    asked: Care = {"kind": "inpatient", "tier": 3, "filing": "local", "month": "2024-07"}
    return area_rules.terms_of(area, Situation(scheme, **(asked | care)))


def bands(of: policy.Terms) -> list[tuple[int | None, float]]:
    """Return the ends of the bands in yuan, and their ratios away from home."""
    return [(None if b.to is None else b.to // 100, of.ratio_away(b) / 1e6) for b in of.ratio.bands]


# What the areas publish


def test_hangzhou_pays_retired_employees_in_three_gross_bands() -> None:
    hangzhou = terms("Hangzhou", "employee", member="retired")
    assert bands(hangzhou) == [(40_000, 0.86), (360_000, 0.92), (None, 0.9)]
    assert hangzhou.ratio.count == "gross"
    assert hangzhou.deductible.amount == 800_00
    assert terms("杭州", "employee", filing="unfiled").first_self_pay_away == 200_000
    assert terms("杭州", "employee", filing="emergency").first_self_pay_away == 0


def test_bengbu_has_a_deductible_and_a_floor_for_referrals() -> None:
    away = terms("Bengbu", filing="referral")
    assert (away.deductible.amount, away.floor_ratio) == (2_500_00, 400_000)
    assert terms("Bengbu").deductible.amount == 1_200_00
    assert terms("Bengbu").floor_ratio == terms("Bengbu", filing="unfiled").floor_ratio == 0


@pytest.mark.parametrize(("filing", "ratio"), [("referral", 0.6), ("emergency", 0.6), ("temporary", 0.5)])
def test_fuyang_takes_a_share_of_the_bill_and_a_final_ratio(filing: str, ratio: float) -> None:
    away = terms("Fuyang", filing=filing)
    assert (away.deductible.share_of_bill, away.deductible.floor, away.deductible.ceiling) == (
        200_000,
        2_000_00,
        10_000_00,
    )
    assert bands(away) == [(None, ratio)]
    assert away.points_off == away.first_self_pay_away == 0
    assert area_rules.is_local(found("Fuyang", "resident", filing=filing)[1])


def test_suzhou_lowers_later_deductibles_and_multiplies_ratios() -> None:
    first = terms("Suzhou", "employee", tier=2, member="retired").deductible
    assert (first.amount, first.second, first.third_and_later) == (400_00, 200_00, 100_00)
    for filing in ("temporary", "unfiled"):
        assert bands(terms("Suzhou", "employee", filing=filing)) == [(None, 0.72)]
        assert terms("Suzhou", "employee", filing=filing, month="2021-09").ratio_factor == 800_000
        assert terms("Suzhou", "employee", filing=filing, month="2021-08").ratio_factor == 1_000_000


def test_a_default_ratio_times_a_factor_is_whole_ppm() -> None:
    asked = Situation("resident", "inpatient", 3, "unfiled", "2024-07")
    away, _ = area_rules.complete(area_rules.lookup("Suzhou", asked), asked, ratio=0.7246438249, points=0.2)
    assert (away.ratio.bands[0].ratio, away.points_off, away.ratio_away(away.ratio.bands[0])) == (724_640, 0, 579_712)


def test_ningbo_has_one_deductible_a_year_and_catastrophic_bands_above_a_threshold() -> None:
    ningbo = terms("Ningbo", "employee")
    assert (ningbo.deductible.amount, ningbo.deductible.per) == (1_200_00, "year")
    assert ningbo.catastrophic is not None
    assert (ningbo.catastrophic.threshold, ningbo.catastrophic.count) == (5_000_00, "gross")


def test_beijing_has_bands_by_tier_and_half_the_deductible_later() -> None:
    beijing = terms("Beijing", "employee")
    assert bands(beijing) == [(30_000, 0.85), (40_000, 0.9), (100_000, 0.95), (500_000, 0.85)]
    assert (beijing.deductible.amount, beijing.deductible.second) == (1_300_00, 650_00)
    assert beijing.cap is not None and beijing.cap.kinds == ("inpatient",)
    outpatient = terms("Beijing", "employee", kind="outpatient", member="retired")
    assert (outpatient.cap, outpatient.ratio.over, outpatient.deductible.per) == (None, "year", "year")


def test_shanghai_raises_its_cap_and_pays_above_it() -> None:
    caps = {
        m: terms("310100", "employee", month=m).cap for m in ("2020-06", "2022-06", "2023-06", "2023-07", "2024-07")
    }
    assert [cap.amount // 100 for cap in caps.values() if cap] == [510_000, 570_000, 590_000, 610_000, 630_000]
    assert terms("Shanghai", "employee").above_cap_ratio == 800_000
    retired = terms("Shanghai", "employee", member="retired", group="retired before 2001")
    assert retired.deductible.amount == 700_00


def test_groups_and_diseases_have_terms_of_their_own() -> None:
    assert bands(terms("Tianjin", group="high premium")) == [(None, 0.75)]
    poor = terms("Yubei", tier=2, group="tier 1 premium+low-income-edge family")
    assert poor.deductible.amount == 300_00 and bands(poor) == [(None, 0.7)]
    assert poor.assistance is not None and poor.tilt is not None
    assert (poor.assistance.ratio, poor.assistance.cap, poor.tilt.threshold) == (700_000, 60_000_00, 3_000_00)
    assert terms("Lu'an", kind="chronic", disease="COPD").disease_cap == 7_000_00
    assert terms("Lu'an", kind="chronic", disease="uraemia").disease_cap is None
    assert bands(terms("Dezhou", kind="outpatient", disease="diabetes")) == [(None, 0.7)]


# Who inherits what


def test_hefei_inherits_from_anhui_what_it_does_not_set() -> None:
    came = origin("Hefei", filing="referral", month="2025-03")
    assert {name: (o.level, o.area) for name, o in came.items()} == {
        "deductible": ("province", "340000"),
        "ratio": ("province", "340000"),
        "away": ("province", "340000"),
        "cap": ("city", "340100"),
        "catastrophic": ("city", "340100"),
    }
    at_home = origin("Hefei", month="2025-03")
    assert (at_home["deductible"].area, at_home["ratio"].area) == ("340000", "340100")
    assert origin("Hefei", month="2024-12")["ratio"].level == area_rules.DEFAULT


@pytest.mark.parametrize(("scheme", "kind"), [*product(SCHEMES, KINDS)])
def test_a_city_of_zhejiang_without_rows_has_the_national_default(scheme: str, kind: str) -> None:
    s, t = SCHEMES.index(scheme), 1
    for filing, points in zip(FILINGS, national.points_off(national.middle()), strict=True):
        got, came = found("温州", scheme, kind=kind, tier=2, filing=filing)
        assert {name for name, _ in came} == {"deductible", "ratio", "away", "cap"}
        assert {o.level for _, o in came} == {area_rules.DEFAULT}
        assert not area_rules.is_local(came)
        due = 100 * national.default_deductibles()[s, t] if kind == "inpatient" else 0
        assert got.deductible.amount == due
        ratio = national.middle_ratios()[KINDS.index(kind), s, t] - points
        assert got.ratio_away(got.ratio.bands[0]) == pytest.approx(1e6 * ratio, abs=1)
        assert area_rules.lookup("温州", Situation(scheme, kind, 2, filing, "2024-07")).written == {}


def test_a_national_default_says_how_well_it_is_known() -> None:
    grades = {f: {name: o.grade for name, o in origin("Wenzhou", filing=f).items()} for f in FILINGS}
    assert grades["referral"] == {"deductible": "derived", "ratio": "derived", "away": "official", "cap": "derived"}
    assert grades["unfiled"]["away"] == "assumed"
    assert origin("Wenzhou", kind="outpatient")["ratio"].grade == "assumed"
    assert GRADES[area_rules.grade_of(found("Wenzhou", "resident", filing="unfiled")[1])] == "assumed"
    assert GRADES[area_rules.grade_of(found("Wenzhou", "resident", filing="referral")[1])] == "derived"


def test_a_city_of_jiangxi_does_not_inherit_from_the_provincial_level() -> None:
    own = origin("provincial-jiangxi", "employee", filing="referral", month="2025-11")
    assert {own[name].level for name in area_rules.DECIDING} == {"pool"}
    assert terms("江西省本级", "employee", filing="unfiled", month="2025-11").first_self_pay_away == 200_000
    for area in ("Jiangxi", "江西"):
        assert {o.level for o in origin(area, "employee", filing="referral", month="2025-11").values()} == {
            area_rules.DEFAULT
        }
    assert all(row["parent"] not in ("provincial-jiangxi", "provincial-hebei") for row in facts.read("pools"))


def test_tengzhou_has_its_own_rule_from_april_2025() -> None:
    before, after = (origin("Tengzhou", filing="temporary", month=f"2025-{m}")["away"] for m in ("03", "04"))
    assert (before.area, after.area) == ("370000", "370481")
    assert terms("滕州", filing="temporary", month="2025-03").first_self_pay_away == 100_000
    assert terms("滕州", filing="temporary", month="2025-04").first_self_pay_away == 200_000
    assert origin("Zaozhuang", filing="temporary", month="2025-04")["away"].level == area_rules.DEFAULT


def test_rules_that_are_too_old_are_not_in_force() -> None:
    assert origin("Nanjing", "employee", month="2015-01")["ratio"].area == "320100"
    for area, month in (("Nanjing", "2020-01"), ("Chengdu", "2018-01"), ("Ziyang", "2017-01")):
        assert {o.level for o in origin(area, "employee", month=month).values()} == {area_rules.DEFAULT}


def test_care_at_home_has_no_away_rule() -> None:
    for area, scheme in product(("Hangzhou", "Fuyang", "Suzhou", "Wenzhou", "provincial-jiangxi"), SCHEMES):
        got, came = found(area, scheme, filing="local", month="2025-11")
        assert "away" not in dict(came)
        assert (got.points_off, got.ratio_factor, got.first_self_pay_away) == (0, 1_000_000, 0)
    assert area_rules.is_local(found("Hangzhou", "employee", filing="local")[1])


def test_a_case_without_a_referral_is_not_better_off_than_a_referral() -> None:
    assert bands(terms("Shijiazhuang", filing="unfiled")) == bands(terms("Shijiazhuang", filing="referral"))
    assert origin("Shijiazhuang", filing="unfiled")["ratio"].note == "not_above_a_referral"
    asked = Situation("resident", "inpatient", 3, "temporary", "2024-07")
    hunan = area_rules.lookup("Hunan", asked)
    for points in (0.0, 0.05, 0.2):
        away, _ = area_rules.complete(hunan, asked, ratio=0.7, points=points)
        assert away.ratio_away(away.ratio.bands[0]) == round(1e6 * (0.7 - max(points, 0.05)))


# All of the table


def test_every_published_item_is_carried_and_graded() -> None:
    rules = {"FIL26"}  # of benefits, published among the rules
    assert {row["id"][:6] for row in ROWS} - rules == {f"BE{n:04}" for n in range(1, 410)}
    assert max(Counter(row["id"] for row in ROWS).values()) == 1
    assert Counter(row["used"] for row in ROWS) == {"yes": 382, "no": 70}
    assert Counter(row["grade"] for row in ROWS) == {"official": 147, "press": 4, "derived": 10, "weak": 291}
    assert all("not used: " in row["note"] for row in ROWS if row["used"] == "no")
    assert all(row["grade"] == "weak" for row in ROWS if not row["start"] and not row["end"])


def test_every_area_of_the_table_is_known_and_names_are_not_shared() -> None:
    assert {row["area"] for row in ROWS} <= set(area_rules.pools())
    shared = Counter(pool.name_en for pool in area_rules.pools().values())
    assert {name for name, count in shared.items() if count > 1} == {"Beijing", "Tianjin", "Shanghai"}
    assert len([pool for pool in area_rules.pools().values() if pool.level == "city"]) == 84 + 3


def choices(cell: str, every: tuple[Any, ...]) -> list[Any]:
    """Return what a cell such as any, 3, 2+3 or working holds for."""
    return [value for value in every if cell in ("any", "") or str(value) in cell.split("+")]


@pytest.mark.parametrize("row", [row for row in ROWS if row["used"] == "yes"], ids="{0[id]}".format)
def test_every_row_in_use_reaches_a_policy(row: dict[str, str]) -> None:
    filings = choices(row["filing"], (*AWAY_OR_HOME, *area_rules.WITHIN))
    cells = (choices(row["scheme"], SCHEMES), choices(row["kind"], KINDS), choices(row["tier"], TIERS))
    care: Care = {"month": row["start"] or row["end"] or "2024-07", "group": row["group"]}
    care["disease"] = row["disease"].split("+")[0]
    seen: set[str] = set()
    for scheme, kind, tier, filing, member in product(*cells, filings, choices(row["member"], MEMBERS)):
        one = area_rules.lookup(row["area"], Situation(scheme, kind, tier, filing, member=member, **care))
        seen |= {id for _, came in one.origin for id in came.rows}
    assert row["id"] in seen


def test_every_policy_of_every_area_is_valid() -> None:
    axes = (SCHEMES, KINDS, TIERS, AWAY_OR_HOME, MEMBERS, ("2020-01", "2023-06", "2024-07", "2025-11"))
    ratios, points = national.middle_ratios(), dict(zip(FILINGS, (0.0, 0.03, 0.03, 0.171717, 0.2), strict=True))
    tried = set()
    for area, (scheme, kind, tier, filing, member, month) in product(area_rules.pools(), product(*axes)):
        asked = Situation(scheme, kind, tier, filing, month, member)
        one = area_rules.lookup(area, asked)
        key = (repr(one.written), repr(one.highest), scheme, kind, tier, filing)
        if key not in tried:
            tried.add(key)
            ratio = ratios[int(kind != "inpatient"), SCHEMES.index(scheme), tier - 1]
            got, _ = area_rules.complete(one, asked, ratio, points.get(filing, 0.0))
            policy.record(got, KINDS.index(kind))
            assert {"deductible", "ratio", "cap"} <= {name for name, _ in one.origin}
            assert sum((got.points_off > 0, got.ratio_factor < 1_000_000, got.first_self_pay_away > 0)) <= 1
    assert len(tried) > 500


def test_policies_do_not_change_between_the_dates_of_the_table() -> None:
    months = [f"{year}-{month:02}" for year in range(2020, 2026) for month in range(1, 13)]
    for area, month in product(("310000", "340100", "370481", "320500"), months):
        now = Situation("employee", "inpatient", 3, "temporary", month)
        since = area_rules.unchanged_since(area, month)
        assert since <= month
        assert area_rules.lookup(area, now._replace(month=since)) == area_rules.lookup(area, now)


# What is refused, and what the command prints


def test_areas_have_many_names_and_unknown_ones_are_refused() -> None:
    same = [area_rules.pool(name).code for name in ("宿州市", "宿州", "suzhou (anhui)", " 341300 ")]
    assert set(same) == {"341300"}
    assert area_rules.pool("吉林").code == "220000" and area_rules.pool("吉林市").code == "220200"
    with pytest.raises(LookupError, match=r"hanzhou: no such pooling area\. Did you mean hangzhou\?"):
        area_rules.pool("hanzhou")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"filing": "unfield"}, "unfield: no such filing. Did you mean unfiled?"),
        ({"kind": "inpatients"}, "inpatients: no such kind. Did you mean inpatient?"),
        ({"tier": 4}, "4: no such tier. Expected one of 1, 2, 3."),
        ({"month": "2024-13"}, "2024-13: not a month. Write it as YYYY-MM, such as 2024-07."),
    ],
)
def test_what_is_not_on_an_axis_is_refused(wrong: Care, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        found("Hangzhou", "employee", **wrong)
    assert str(caught.value) == message


def test_the_command_shows_values_origins_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parameters", "--area", "合肥", "--scheme", "resident", "--kind", "inpatient"]) == 0
    text = capsys.readouterr().out
    assert "Hefei 合肥市 (340100), rules in force in 2025-12" in text
    assert "0.2 of the bill, at least 2,000 yuan, at most 10,000 yuan" in text
    assert "WARNING: 20 percentage points beyond the national limit" in text
    assert "province Anhui, 2019-01, weak" in text
    assert "*, official" in text


def test_the_command_prints_json_and_refuses_an_unknown_area(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["parameters", "--area", "hangzhou", "--month", "2024-12", "--kind", "inpatient", "--json"]
    assert main(asked) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len({(r["scheme"], r["member"], r["tier"], r["filing"]) for r in rows}) == 2 * 2 * 3 * 6
    assert {"field", "value", "level", "area", "start", "grade", "source", "beyond"} <= set(rows[0])
    assert main(["parameters", "--area", "hanzhou"]) == 2
    assert "Did you mean hangzhou?" in capsys.readouterr().err


def test_points_within_the_national_limit_are_not_warned_of() -> None:
    home = policy.Terms.model_validate({"deductible": 0, "ratio": 0.9})
    for filing, points in (("referral", 0.1), ("unfiled", 0.2)):
        at = home.model_copy(update={"points_off": int(np.rint(1e6 * points))})
        assert area_rules.too_high(home, at, filing) == 0
        assert area_rules.too_high(home, at.model_copy(update={"points_off": at.points_off + 1}), filing) == 1
