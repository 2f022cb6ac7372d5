"""Who goes where: published margins are met, people are counted once, hosts keep room, many draws are as one by one."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.calibration import targets
from simlib.files.facts import read
from simlib.patients import areas, flows
from simlib.patients.flows import Flow
from simlib.simulation import draws, solve
from simlib.terms import INPATIENT, KINDS, LONG_STAY

PLACE = areas.provinces()
ROOM = tuple(t for t in targets.read(targets.published()) if t.form == "at most" and t.place >= 0)


def pulled(**pin: float) -> flows.Pull:
    values = draws.draw_values(1, 2, {f"flow.{name}": number for name, number in pin.items()})
    people = areas.people(PLACE, values[areas.Areas.xpcc_share][0], values[areas.Areas.employee_slope][0])
    return flows.pull(PLACE, people, values)


def test_migrants_meet_every_published_margin() -> None:
    homes, hosts = PLACE.migrants.sum(axis=1), PLACE.migrants.sum(axis=0)
    published = {row["code"]: row for row in read("provinces")}
    assert homes[PLACE.index("410000")] == pytest.approx(16_100_000)
    for code, row in published.items():
        if row["hukou_other_province_2020"]:
            assert hosts[PLACE.index(code)] == pytest.approx(float(row["hukou_other_province_2020"]), rel=1e-9)


def test_who_goes_back_is_not_treated_where_they_live_as_well() -> None:
    nobody, some = pulled(back_inpatient=0.0, back_region=0.0), pulled(back_inpatient=0.1, back_region=0.4)
    assert not nobody.going_back.any() and some.going_back[INPATIENT].sum() > 0
    assert not np.delete(some.going_back, INPATIENT, axis=0).any()  # for admissions only
    np.testing.assert_allclose(some.at_home + some.going_back.sum(axis=-1), nobody.at_home, rtol=1e-12)
    back = some.going_back[INPATIENT].sum(axis=0)
    ratio = back / nobody.living_away[INPATIENT].sum(axis=0).T.clip(1e-9)  # against who lives away, the other way
    near, far = (ratio[PLACE.index("310000"), PLACE.index(code)] for code in ("340000", "410000"))
    assert near == pytest.approx(4 * far)


def test_who_lives_across_the_border_is_insured_once() -> None:
    nobody, some = pulled(across_border=0.0), pulled(across_border=0.03)
    beijing, hebei, henan = (PLACE.index(code) for code in ("110000", "130000", "410000"))
    more = some.living_away - nobody.living_away
    assert (more[:, :, beijing, hebei] > 0).all() and not more[:, :, beijing, henan].any()
    fewer = nobody.at_home - some.at_home
    assert (fewer[:, :, beijing] > 0).all() and not fewer[:, :, henan].any()


def test_who_goes_back_is_temporary_and_who_lives_away_long_stay(parameters: solve.ParameterDraw) -> None:
    pull, stayed = parameters.pull, parameters.stayed
    away = flows.expect(pull, np.full_like(parameters.c, -40.0), stayed)  # nobody leaves home to travel
    np.testing.assert_allclose(away[:, :, LONG_STAY], pull.living_away * stayed[..., None, None], rtol=1e-9)
    np.testing.assert_allclose(
        away[:, :, flows.TEMPORARY], pull.going_back * stayed[..., None, None], rtol=1e-6, atol=1e-6
    )


def test_a_pair_in_one_region_is_nearer_than_its_distance() -> None:
    near, far = pulled(region=0.8), pulled(region=0.0)
    hebei, beijing = PLACE.index("130000"), PLACE.index("110000")
    assert near.choice[hebei, beijing] > far.choice[hebei, beijing]


def test_many_draws_at_once_are_the_same_as_each_alone() -> None:
    numbers, size = np.arange(5), 64
    many = draws.draw_batch(2, numbers, size, ("areas", "flow"))
    people = areas.people(PLACE, many[areas.Areas.xpcc_share][:, 0], many[areas.Areas.employee_slope][:, 0])
    together = flows.pull(PLACE, people, many)
    cases = np.full((len(numbers), len(KINDS), 2), 5e6)
    expected = flows.expect(together, *flows.solve_leaving(together, cases, many[Flow.away_most][:, 0]))
    np.testing.assert_allclose(expected.sum(axis=(-1, -2, -3)), cases, rtol=1e-9)
    for number in numbers.tolist():
        values = draws.draw_values(2, number, {}, size)
        own = areas.people(PLACE, values[areas.Areas.xpcc_share][0], values[areas.Areas.employee_slope][0])
        pull = flows.pull(PLACE, own, values)
        alone = flows.expect(pull, *flows.solve_leaving(pull, cases[number], values[Flow.away_most][0]))
        np.testing.assert_allclose(expected[number], alone, rtol=1e-9)


def test_no_host_is_above_its_room_in_draws_that_flows_leave() -> None:
    known = tuple(target for target in targets.read(targets.published()) if target.role == "fit")
    says = targets.of_flows(known, draws.draw_batch(0, np.arange(1024), 1024, ("areas", "flow")))
    weight = np.exp(targets.log_weight(known, says))
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 0.04 * len(weight)  # flows leave one draw in twenty or so
    beds = says[:, [known.index(target) for target in ROOM]]
    over = (beds > [target.value + 2 * target.tolerance for target in ROOM]).any(axis=1)
    assert len(ROOM) == 31 and weight[over].sum() < 0.01
    beijing = known.index(next(target for target in known if target.label == "cases from elsewhere per bed: Beijing"))
    assert 7.5 < weight @ says[:, beijing] < 10.5
