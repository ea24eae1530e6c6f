"""Members side by side: they are stacked for a call, and each keeps its own state whatever the others do."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from hpsearch.training.compiled.cohort import Cohort, Part, stacked, stacked_states


def state(number: float) -> dict[str, object]:
    return {"weights": {"w": np.full((2, 3), number, np.float32)}, "optimizer": [np.float32(number)]}


@pytest.fixture
def cohort() -> Cohort:
    together = stacked_states([state(1), state(2), state(3)], 4)
    return Cohort(
        {"weights": {"w": jnp.asarray(together["weights"]["w"])}, "optimizer": together["optimizer"]}
    )


def test_the_first_fills_the_places_that_are_left(cohort: Cohort) -> None:
    assert cohort.states["weights"]["w"][:, 0, 0].tolist() == [1, 2, 3, 1]
    assert cohort.states["optimizer"][0].tolist() == [1, 2, 3, 1]
    assert stacked([(np.int32(5), [np.zeros(2)])], 3)[0].tolist() == [5, 5, 5]


def test_those_that_stand_together_stay_on_the_device(cohort: Cohort) -> None:
    parts = [Part(cohort, place) for place in range(4)]
    assert stacked_states(parts, 4) is cohort.states
    # The last has ended: its place goes on as dead weight.
    assert stacked_states(parts[:3], 4) is cohort.states


@pytest.mark.parametrize("places", [[1, 0, 2], [1, 2], [0, 2]])
def test_others_are_gathered_in_their_order(cohort: Cohort, places: list[int]) -> None:
    together = stacked_states([Part(cohort, place) for place in places], 4)
    filled = [*places, *[places[0]] * (4 - len(places))]
    assert together["weights"]["w"][:, 1, 2].tolist() == [1 + place if place < 3 else 1 for place in filled]


def test_members_of_two_cohorts_and_new_ones_stand_together(cohort: Cohort) -> None:
    other = Cohort(stacked_states([state(7)], 2))
    together = stacked_states([Part(cohort, 0), Part(other, 1), state(9)], 3)
    assert together["optimizer"][0].tolist() == [1, 7, 9]


def test_what_is_read_outlives_the_cohort(cohort: Cohort) -> None:
    part = Part(cohort, 1)
    assert set(part) == {"weights", "optimizer"}
    weights = part["weights"]["w"]
    assert weights.base is None
    assert weights.tolist() == [[2, 2, 2], [2, 2, 2]]
    assert part["optimizer"][0].shape == ()
