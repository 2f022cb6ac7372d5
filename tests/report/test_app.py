"""A first look is what a scenario file says, in fewer draws: nothing of its own, and more is more."""

from __future__ import annotations

from pathlib import Path

import pytest

from simlib.files import texts
from simlib.quantities import levers
from simlib.report import app
from simlib.scenario import checks, scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import solve
from simlib.study import briefing, effects, experiment
from simlib.terms import KINDS

ROOT = scenario.load(Path(__file__).parents[2] / "scenarios" / "baseline.yaml")
SERVICES = "catalogue.reach.service"
FEW = {"draws": 2, "people": 2000, "jobs": 1}


def tried(folder: Path, region: str = "yangtze-delta", **settings: float) -> Scenario:
    return app.written(ROOT, region, {name.replace("__", "."): s for name, s in settings.items()}, folder)


def test_every_lever_of_care_that_is_a_share_or_a_switch_can_be_tried() -> None:
    tried_ = {q.id for of in app.measures().values() for q in of.levers}
    for q in levers().values():
        wanted = bool(q.kinds) and not q.id.startswith("pooling.") and (q.unit == "share" or q.default is False)
        assert (q.id in tried_) == wanted, q.id


@pytest.mark.parametrize("region", app.REGIONS)
def test_a_trial_is_a_scenario_file_whose_every_line_has_an_effect(region: str, tmp_path: Path) -> None:
    for name, of in app.measures().items():
        made = app.written(ROOT, region, {name: 0.5}, tmp_path)
        levers = {lever for change in made.changes for lever, _ in change.set}
        assert {q.id for q in of.levers} <= levers and made.geography == app.REGIONS[region][0]
        assert checks.warnings(made) == ()


def test_half_of_a_measure_is_half_way_from_nothing(tmp_path: Path) -> None:
    (change,) = tried(tmp_path, catalogue__reach__service=0.5, codes__unified=0.25).changes
    assert dict(change.set) == {"catalogue.rule.service": "either", SERVICES: 0.5, "codes.unified": 0.25}
    assert tried(tmp_path, codes__unified=0.0).changes == ()


def test_a_first_look_is_the_run_of_its_file_on_the_changed_pairs(tmp_path: Path) -> None:
    of = tried(tmp_path, catalogue__reach__service=1.0)
    seen = briefing.by_kind(app.look(of, **FEW))
    amounts = experiment.repeat([of], seed=app.SEED, whole=False, **FEW).amounts(0)
    assert list(seen["group"]) == [f"pairs=changed;kind={kind}" for kind in KINDS]
    for row in seen.to_dict("records"):
        found = effects.summary(amounts, "fund_payment", row["group"])
        assert (row["yuan"], row["yuan_low"], row["yuan_high"]) == (found["change"], found["low"], found["high"])


def test_a_stronger_measure_does_more_and_another_geography_the_same_in_the_same_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, full = (
        briefing.by_kind(app.look(tried(tmp_path, catalogue__reach__service=s), **FEW))["yuan"][0] for s in (0.5, 1)
    )
    assert 0 < half < full
    monkeypatch.setattr(solve, "converge", None)  # nothing is solved again
    app.look(tried(tmp_path, "delta", catalogue__reach__service=1.0), **FEW)


def test_titles_name_region_and_measures_and_are_cut_where_they_must(tmp_path: Path) -> None:
    of = tried(tmp_path, catalogue__reach__service=0.75)
    assert of.title.zh == "长三角（按省）：诊疗项目目录互认（逐项就高） 75%"
    every = app.written(ROOT, "nation", dict.fromkeys(app.measures(), 1.0), tmp_path)
    assert len(every.title.en) <= 200 and every.title.en.endswith("…") and every.changes


def test_every_measure_has_a_short_name_in_both_languages_or_means_something() -> None:
    named = texts.texts("en")
    assert {key for key in named if key.startswith("measure.")} <= {f"measure.{name}" for name in app.measures()}
    for of in app.measures().values():
        assert of.label("zh") and of.label("en")


def test_what_the_page_says_is_what_the_report_says(tmp_path: Path) -> None:
    answer = app.look(tried(tmp_path, catalogue__reach__service=1.0), **FEW)
    for lang in texts.LANGS:
        seen = app.figures(answer, lang) + app.told(answer, lang)
        assert (
            {"zh": "抽样不足 20 次", "en": "Fewer than 20 draws"}[lang] in seen
            and 'alt="' in seen
            and "data:image/png" in seen
        )
        assert briefing.by_kind(answer)["fund"][0] > 0 and f"{briefing.by_kind(answer)['fund'][0]:+.1f}" in seen
