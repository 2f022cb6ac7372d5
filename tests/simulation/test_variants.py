"""Forms of the model: each is what its formula says, meets the same totals, and is named in what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simlib import cli
from simlib.errors import BadInputError
from simlib.patients import areas, flows, volumes
from simlib.patients.flows import Flow
from simlib.report import terminal
from simlib.scenario import scenario
from simlib.simulation import draws, kept
from simlib.study import experiment, folders, results

PLACE = areas.provinces()
FORMS = Flow.decay.choices
LOG_A = np.random.default_rng(3).normal(size=len(PLACE.codes))


def reach(form: str) -> tuple[np.ndarray, draws.Values]:
    v = draws.draw_values(1, 0, {"flow.decay": form})
    return flows.reach(PLACE, LOG_A, v), v


def test_without_a_pin_the_default_form_is_taken() -> None:
    v = draws.draw_values(1, 0, {})
    assert (flows.reach(PLACE, LOG_A, v) == reach(FORMS[0])[0]).all()


def test_exponential_falls_by_one_over_its_scale() -> None:
    found, v = reach("exponential")
    h, t = PLACE.index("340000"), PLACE.index("310000")
    assert found[h, t] == pytest.approx(LOG_A[t] - PLACE.distance_km[h, t] / v[Flow.e_km][0])


def test_radiation_counts_what_lies_nearer() -> None:
    found, _ = reach("radiation")
    a = np.exp(LOG_A)
    h, t = PLACE.index("340000"), PLACE.index("110000")
    km = PLACE.distance_km[h]
    nearer = sum(a[u] for u in range(len(a)) if u != h and km[u] < km[t])
    assert found[h, t] == pytest.approx(LOG_A[t] - np.log(a[h] + nearer) - np.log(a[h] + a[t] + nearer))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_meets_the_published_totals(delta: scenario.Scenario, form: str) -> None:
    parameters = kept.solved(scenario.reference(delta), 2, 0, {"flow.decay": form})
    np.testing.assert_allclose(parameters.expected, volumes.totals(parameters.values), rtol=1e-3)


def test_what_was_held_fixed_is_printed_and_in_the_manifest(delta: scenario.Scenario, tmp_path: Path) -> None:
    pin = {"flow.decay": "exponential", "channels.attention": 0.0}
    runs = experiment.repeat([delta], draws=2, people=2_000, pin=pin)
    assert (runs.uncertain["channels.attention"] == 0).all()
    study = results.of_runs(runs)
    assert "Held fixed: channels.attention = 0.0, flow.decay = exponential" in terminal.text(study)
    folders.write(tmp_path, study)
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["pinned"] == pin


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("flow.decay", "write ID=VALUE"),
        ("flow.decai=exponential", "flow.decai: no such uncertain parameter or variant. Did you mean flow.decay?"),
        ("flow.decay=exponentiel", "flow.decay: exponentiel. Did you mean exponential?"),
        ("channels.attention=1.5", "channels.attention: 1.5. Write a number from 0 to 1."),
        ("channels.attention=half", "channels.attention: half. Write a number from 0 to 1"),
        ("channels.attention=nan", "channels.attention: nan. Write a number from 0 to 1"),
    ],
)
def test_a_wrong_pin_is_told(text: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "x.yaml", "--pin", text])
    assert stopped.value.code == 2
    assert fault in capsys.readouterr().err


def test_a_form_that_does_not_exist_is_refused_in_python_too() -> None:
    with pytest.raises(BadInputError, match=r"flow\.decay: gravity\. Expected one of log-logistic"):
        draws.draw_values(0, 0, {"flow.decay": "gravity"})
