"""A fit finds what targets tell, leaves alone what they do not, goes on where it stopped; what is off is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simlib import randomness
from simlib.calibration import fit, targets
from simlib.errors import BadInputError
from simlib.patients import areas
from simlib.patients.flows import Flow
from simlib.scenario import ensemble, scenario
from simlib.settlement.channels import Channels
from simlib.simulation import draws, solve
from simlib.study import experiment, match

ROOT = Path(__file__).parents[2]

KNOWN = targets.read(targets.published())
HEADER = ",".join(targets.COLUMNS)
ROW = dict.fromkeys(targets.COLUMNS, "x") | {
    "anchor": "rank among hosts",
    "place": "310000",
    "value": "1",
    "unit": "rank",
    "year": "2016",
    "universe": "inpatients from elsewhere",
    "form": "about",
    "tolerance": "1",
    "role": "fit",
}
SMALL = fit.Size(candidates=256, solved=8, members=12)


@pytest.fixture(scope="module")
def root() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "baseline.yaml")


def table(path: Path, **cells: str) -> Path:
    path.write_text(HEADER + "\n" + ",".join((ROW | cells).values()) + "\n", encoding="utf-8")
    return path


def test_flows_of_known_unknowns_are_recovered_and_the_rest_stays_at_its_range() -> None:
    truth = draws.draw_values(5, 0, {"flow.purpose_referral": 0.62, "flow.eps_sichuan": 1.1, "flow.a2": 1.7})
    cases, _ = solve.first_flows(truth, solve.pull_of(truth))
    plain = [target for target in KNOWN if target.output.of_cases and target.unit == "share"]
    shares = [target._replace(form="about", tolerance=0.03) for target in plain]
    ranks = [target._replace(tolerance=5.0) for target in KNOWN if target.unit == "rank"]
    said = targets.simulated([*shares, *ranks], cases[0].sum(axis=0))
    planted = [target._replace(value=float(value)) for target, value in zip([*shares, *ranks], said, strict=True)]
    log = targets.log_weight(planted, fit.first_wave(planted, 3, 8192))
    kept = randomness.systematic(np.exp(log - log.max()), 400)

    def drawn(quantity: object) -> np.ndarray:  # where the kept candidates stand in the range, 0 to 1
        return randomness.hypercube(quantity, 3, 8192)[kept]  # type: ignore[arg-type]

    for quantity in (Flow.purpose_referral, Flow.eps_sichuan, Flow.a2):
        low, high = np.quantile(randomness.quantile(quantity, drawn(quantity)), (0.025, 0.975))
        assert low <= truth[quantity][0] <= high
    assert np.ptp(np.quantile(drawn(Flow.purpose_referral), (0.05, 0.95))) < 0.6  # the share of referrals tells
    for untold in (Channels.attention, Flow.purpose_emergency_outpatient):
        assert np.ptp(np.quantile(drawn(untold), (0.05, 0.95))) > 0.8
        assert abs(drawn(untold).mean() - 0.5) < 0.12


def test_a_fit_that_was_stopped_goes_on_and_comes_to_the_same(root: scenario.Scenario, tmp_path: Path) -> None:
    whole = fit.run(root, tmp_path, to=2023, jobs=2, size=SMALL)
    path = tmp_path / "candidates.csv"
    kept = path.read_bytes()
    lines = kept.decode().splitlines(keepends=True)
    path.write_text("".join(lines[:4]), encoding="utf-8")
    again = fit.run(root, tmp_path, to=2023, jobs=1, size=SMALL)
    assert path.read_bytes() == kept and again.ensemble == whole.ensemble
    assert np.array_equal(again.says, whole.says)
    learned, misses = match.learned(whole.ensemble), match.fitted_table(whole)
    assert {q.id for q in experiment.scalar_parameters()} < set(learned.id) and "gates.split: inpatient" in set(
        learned.id
    )
    assert len(misses) == len(KNOWN) and misses[misses.used].year.max() <= 2023


def test_a_fit_to_a_year_reads_no_later_target(root: scenario.Scenario) -> None:
    later = tuple(a._replace(value=float("nan")) if a.year > 2019 else a for a in KNOWN)
    early = tuple(a for a in later if a.year <= 2019 and a.role == "fit")
    one, other = (
        fit.first_wave(known, 0, 16) for known in (targets.until((*early, *later), 2023)[: len(early)], early)
    )
    assert np.array_equal(one, other, equal_nan=True)
    assert all(target.year <= 2023 for target in targets.until(KNOWN, 2023))
    for year in (2022, 2030):
        with pytest.raises(BadInputError, match=rf"--to {year}: .*Name a year from 2023 to 2024"):
            targets.until(KNOWN, year)


def test_a_candidate_weighs_what_targets_say_over_its_chance_of_having_been_solved() -> None:
    few = tuple(target for target in KNOWN if target.output.of_cases)[:2]
    values = np.array([[0.58, 0.31], [0.70, 0.20]])
    log = targets.log_weight(few, values)
    assert np.allclose(fit.weights(log, np.exp(log)), 0.5)  # chosen in proportion: alike now
    assert fit.weights(log, np.ones(2))[0] == pytest.approx(1 / (1 + np.exp(log[1] - log[0])))


def test_kept_candidates_are_distinct_and_stay_as_often_as_they_weigh() -> None:
    weight = np.random.default_rng(0).lognormal(0, 2, 500)
    chance = fit.inclusion(weight, 100)
    kept = fit.distinct(chance)
    assert len(set(kept.tolist())) == len(kept) == 100 and chance.max() == 1
    below = chance < 1
    assert np.allclose(chance[below] / weight[below], (chance[below] / weight[below])[0])
    assert set(np.flatnonzero(~below)) <= set(kept.tolist())
    assert fit.inclusion(np.array([1.0, 0.0]), 2).tolist() == [1, 0]  # what weighs nothing never stays


def test_the_surrogate_foretells_what_it_has_not_seen_and_counts_for_little_where_it_cannot() -> None:
    chance = np.random.default_rng(1)
    standing, solved = chance.random((600, 5)), np.arange(200)
    target = next(target for target in KNOWN if target.form == "about" and target.unit == "share")
    target = target._replace(value=0.5, tolerance=0.05)
    plain = (standing[:, 0] + (standing[:, 1] - 0.5) ** 2)[:, None]
    log = fit.surrogate(standing, solved, plain[solved], [target])
    assert np.corrcoef(log, targets.log_weight([target], plain))[0, 1] > 0.99
    noise = chance.random((600, 1))
    assert np.ptp(fit.surrogate(standing, solved, noise[solved], [target])) < 0.2 * np.ptp(log)


def test_at_least_is_missed_from_below_only() -> None:
    (least,) = (target for target in KNOWN if target.name == "share of Beijing and Shanghai")
    assert least.miss(np.array([0.24, 0.30, 0.5])).tolist() == pytest.approx([-2, 0, 0])


def test_the_shipped_ensemble_is_used_by_every_run_and_still_says_what_it_did(root: scenario.Scenario) -> None:
    kept = root.ensemble
    assert kept is not None and kept.effective > 100
    fit.verify(root)
    mine = [kept.member(1, draw) for draw in range(64)]
    assert len(set(mine)) == 64 and mine != [kept.member(2, draw) for draw in range(64)]
    values = draws.values_of(root, 1, 0, {})
    assert (
        values[Flow.psi][0]
        == randomness.quantile(Flow.psi, randomness.hypercube(Flow.psi, kept.seed, kept.candidates))[mine[0]]
    )
    many = len(kept.members)
    assert len(set(kept.members)) == many >= 64 and kept.cut < 0.2
    with pytest.raises(BadInputError, match=rf"--draws {many + 1}: .* has {many} members. Ask for at most {many}."):
        experiment.check([root], draws=many + 1, seed=0, people=1000, jobs=1)


def test_a_stale_ensemble_is_refused_and_a_changed_comment_is_not(root: scenario.Scenario) -> None:
    assert root.ensemble is not None
    made_with = root.ensemble.made_with.model_copy(update={"rules": "0" * 64})
    fit.verify(root.model_copy(update={"ensemble": root.ensemble.model_copy(update={"made_with": made_with})}))
    other = {"made_with": made_with, "probe": tuple(1.01 * x for x in root.ensemble.probe)}
    with pytest.raises(BadInputError, match=r"stale: the hash of rules.* differs.*simlib fit .*baseline.yaml"):
        fit.verify(root.model_copy(update={"ensemble": root.ensemble.model_copy(update=other)}))
    own_targets = root.ensemble.made_with.model_copy(update={"anchors": "0" * 64})
    with pytest.raises(BadInputError, match="the package has other calibration targets now"):
        fit.verify(root.model_copy(update={"ensemble": root.ensemble.model_copy(update={"made_with": own_targets})}))


def test_an_ensemble_is_refused_by_a_root_that_changes_only_what_can_settle_directly(root: scenario.Scenario) -> None:
    without = tuple(change for change in root.changes if "filing.free" not in dict(change.set))
    assert len(without) < len(root.changes)
    with pytest.raises(BadInputError, match=r"stale: the hash of .*its first member no longer comes to the same"):
        fit.verify(root.model_copy(update={"changes": without, "sha256": "0" * 64}))


BROKEN = {
    "no JSON": (lambda raw: raw[:50], "not JSON"),
    "foreign": (lambda raw: b'{"members": []}', "not an ensemble of this version of simlib"),
    "altered": (lambda raw: raw.replace(b'"effective": ', b'"effective": 1'), "altered since it was written"),
    "not a number": (lambda raw: raw.replace(b'"effective": ', b'"effective": "a", "x": '), "effective: a: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_ensemble_is_refused(name: str, root: scenario.Scenario, tmp_path: Path) -> None:
    spoil, words = BROKEN[name]
    assert root.ensemble is not None
    raw = Path(root.ensemble.path).read_bytes()
    (tmp_path / "fitted.json").write_bytes(spoil(raw))
    (tmp_path / "root.yaml").write_bytes(Path(root.path).read_bytes())
    with pytest.raises(BadInputError, match=words) as caught:
        scenario.load(tmp_path / "root.yaml")
    assert "fitted.json:1:1: " in str(caught.value) and "simlib fit" in str(caught.value)


def test_an_ensemble_is_named_in_a_root_only(tmp_path: Path, root: scenario.Scenario) -> None:
    ensemble_lines = {"child": "ensemble: fitted.json\n", "outside": "ensemble: ../fitted.json\n"}
    text = "title: {zh: 甲, en: a}\nquestion: {zh: 甲, en: a}\n"
    (tmp_path / "root.yaml").write_text(text + "year: 2023\n", encoding="utf-8")
    (tmp_path / "child.yaml").write_text(text + "extends: root.yaml\n" + ensemble_lines["child"], encoding="utf-8")
    with pytest.raises(BadInputError, match=r"child.yaml:4:1: ensemble: draws are fitted .* in the root, root.yaml"):
        scenario.load(tmp_path / "child.yaml")
    (tmp_path / "root.yaml").write_text(text + "year: 2023\n" + ensemble_lines["outside"], encoding="utf-8")
    with pytest.raises(BadInputError, match=r"root.yaml:4:11: ensemble: ../fitted.json leaves the folder"):
        scenario.load(tmp_path / "root.yaml")


def test_an_ensemble_comes_back_as_it_was_written(root: scenario.Scenario, tmp_path: Path) -> None:
    assert root.ensemble is not None
    ensemble.write(tmp_path / "e.json", root.ensemble)
    again = ensemble.read(tmp_path / "e.json")
    assert again.sha256 == root.ensemble.sha256 and again.members == root.ensemble.members
    assert json.loads((tmp_path / "e.json").read_text())["format"] == "simlib ensemble 1"


WRONG = {
    "no output": (
        {"anchor": "rank among host"},
        "2:1: anchor: rank among host: not known. Did you mean rank among hosts?",
    ),
    "unit": ({"unit": "percent"}, "percent: write rank, as the model says it."),
    "universe": ({"universe": "everyone"}, "everyone: not known."),
    "year": ({"year": "16"}, "16: write a year, the last that the figure is of"),
    "province": ({"place": "shanghia"}, "shanghia: no such place. Did you mean Shanghai?"),
    "region": ({"place": "长三角"}, "长三角: write the code of a province"),
    "no place": ({"place": ""}, "empty: write the code of a province"),
    "later": ({"year": "2030"}, "2030: write a year, the last that the figure is of, from 2010 to 2024"),
    "percent": ({"anchor": "share of referrals", "unit": "share", "value": "49"}, "49: write a share between 0 and 1"),
    "rank 0": ({"value": "0"}, "0: write a rank: 1 for the first"),
    "rank 2.5": ({"value": "2.5"}, "2.5: write a rank: 1 for the first"),
    "tolerance": ({"tolerance": "0"}, "0: write a plain number above 0"),
    "role": ({"role": "fitted"}, "fitted: not known."),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_targets_are_refused_in_place(name: str, tmp_path: Path) -> None:
    cells, words = WRONG[name]
    with pytest.raises(BadInputError) as caught:
        targets.read(table(tmp_path / "mine.csv", **cells))
    assert words in str(caught.value) and "mine.csv:2:" in str(caught.value)


def test_own_targets_are_read(tmp_path: Path) -> None:
    (one,) = targets.read(table(tmp_path / "mine.csv"))
    assert one.label == "rank among hosts: Shanghai" and one.tolerance == 1


def test_targets_agree_with_the_published_tables() -> None:
    from simlib.files.facts import value

    by_label = {target.label: target for target in KNOWN}
    five = value("national", metric="top5_destination_share", year="2016")
    assert by_label["share of the five largest hosts"].value == pytest.approx(five / 100)
    for name, metric in (("rank among hosts", "destination_rank"), ("rank among origins", "origin_rank")):
        for target in KNOWN:
            if target.name == name and target.form == "about":
                code = areas.provinces().codes[target.place]
                assert target.value == value("national", metric=metric, place=code, year=str(target.year))
    for limit in (10_000, 50_000, 100_000):
        asked = {"period": "cumulative to 2019-03", "kind": "inpatient", "metric": f"share_fund_over_{limit}"}
        assert by_label[f"admissions paid above {limit} yuan"].value == pytest.approx(
            value("direct_settlement", **asked) / 100
        )
