"""Catalogues: synthetic lists, and what each rule leaves of a bill."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.catalogue import baskets
from simlib.catalogue.baskets import BOTH, CONSUMABLE, CORE, DRUG, EITHER, HOME, HOST, ITEMS, SERVICE
from simlib.patients import areas
from simlib.simulation import solve
from simlib.terms import PPM

ALL = np.ones(3)


def under(parameters: solve.ParameterDraw, home: int, host: int, rule: int) -> np.ndarray:
    return baskets.under_rule(parameters.lists, home, host, np.full(3, rule, dtype=np.int8), ALL)


def test_every_item_and_every_basket_is_spent_exactly(parameters: solve.ParameterDraw) -> None:
    assert (parameters.lists.parts.sum(axis=-1) == PPM).all() and (parameters.lists.parts >= 0).all()
    assert (parameters.lists.basket.sum(axis=-1) == PPM).all() and (parameters.lists.basket >= 0).all()
    np.testing.assert_allclose(parameters.lists.bill.mean(axis=1), 1)


def test_either_never_covers_less_than_host_or_home_and_both_never_more(
    parameters: solve.ParameterDraw, place: areas.Place
) -> None:
    for home, host in ((place.index("340000"), place.index("310000")), (place.index("410000"), place.index("110000"))):
        eligible = {r: under(parameters, home, host, r)[:, 3] for r in (HOST, HOME, EITHER, BOTH)}
        assert (eligible[EITHER] == np.maximum(eligible[HOST], eligible[HOME])).all()
        assert (eligible[BOTH] == np.minimum(eligible[HOST], eligible[HOME])).all()
        gone = {
            r: baskets.cover(parameters.lists, under(parameters, home, host, r))[..., 2] for r in (HOST, HOME, EITHER)
        }
        assert (gone[EITHER] <= np.minimum(gone[HOST], gone[HOME])).all()


def test_a_rule_that_reaches_no_item_is_the_host_rule(parameters: solve.ParameterDraw) -> None:
    none = baskets.under_rule(parameters.lists, 3, 0, np.full(3, EITHER, dtype=np.int8), np.zeros(3))
    assert (none == parameters.lists.parts[0]).all()


def test_a_rule_for_one_category_leaves_the_others_alone(parameters: solve.ParameterDraw) -> None:
    rules = np.array([HOST, HOST, HOME], dtype=np.int8)
    mixed = baskets.under_rule(parameters.lists, 3, 0, rules, ALL)
    assert (mixed[: CONSUMABLE * ITEMS] == parameters.lists.parts[0, : CONSUMABLE * ITEMS]).all()
    assert (mixed[CONSUMABLE * ITEMS :] == parameters.lists.parts[3, CONSUMABLE * ITEMS :]).all()


@pytest.mark.parametrize("category", [SERVICE, CONSUMABLE])
def test_lists_agree_as_often_as_the_draw_says(
    place: areas.Place, parameters: solve.ParameterDraw, category: int
) -> None:
    v = dict(parameters.values)
    wanted = {
        "catalogue.agree_service_delta": 0.95,
        "catalogue.agree_service": 0.85,
        "catalogue.agree_consumable": 0.75,
    }
    wanted |= {"catalogue.listed_service": 0.85, "catalogue.listed_consumable": 0.6}
    for quantity in v:
        if quantity.id in wanted:
            v[quantity] = np.array([wanted[quantity.id]])
    inside, outside = [], []
    delta = place.resolve("yangtze-delta")
    for draw in range(30):
        lists = baskets.generate(place, v, 5, draw)
        listed = lists.parts[:, category * ITEMS : (category + 1) * ITEMS, 0] == 0
        inside.append((listed[delta[0]] == listed[delta[3]]).mean())
        outside.append((listed[0] == listed[20]).mean())
    expected = (0.95, 0.85) if category == SERVICE else (0.75, 0.75)
    np.testing.assert_allclose((np.mean(inside), np.mean(outside)), expected, atol=0.015)


def test_lists_cannot_agree_less_than_independent_ones_do(place: areas.Place, parameters: solve.ParameterDraw) -> None:
    held = {"catalogue.listed_service": 0.95, "catalogue.agree_service": 0.6}
    v = {q: np.array([held[q.id]]) if q.id in held else x for q, x in parameters.values.items()}
    lists = [
        baskets.generate(place, v, 6, draw).parts[:, SERVICE * ITEMS : (SERVICE + 1) * ITEMS, 0] == 0
        for draw in range(30)
    ]
    agreement = np.mean([(listed[0] == listed[20]).mean() for listed in lists])
    floor = 0.95**2 + 0.05**2
    np.testing.assert_allclose(agreement, CORE / ITEMS + (1 - CORE / ITEMS) * floor, atol=0.015)


def test_drugs_are_on_every_list_and_the_core_is_alike(parameters: solve.ParameterDraw) -> None:
    drugs = parameters.lists.parts[:, DRUG * ITEMS : (DRUG + 1) * ITEMS]
    assert (drugs[..., 0] == 0).all()
    assert (drugs[:, :CORE, 3] == PPM).all()


def test_lists_are_drawn_anew_in_every_draw(place: areas.Place, parameters: solve.ParameterDraw) -> None:
    one, two = (baskets.generate(place, parameters.values, 5, draw).parts for draw in (0, 1))
    assert (one != two).any()
    assert (baskets.generate(place, parameters.values, 5, 0).parts == one).all()


def test_implants_make_baskets_dear(parameters: solve.ParameterDraw) -> None:
    consumables = parameters.lists.basket[0, :, CONSUMABLE * ITEMS :].sum(axis=1)
    assert consumables[parameters.lists.bill[0].argmax()] > 0.3 * PPM
