import numpy as np
import pytest
from evening import LABELS

from sfmodel.errors import ConfigError
from sfmodel.results.variables import LATENCY_CENTRES, LATENCY_EDGES, VARIABLES, declare, latency_bin


def test_every_variable_names_its_unit_and_says_what_it_is():
    for variable in VARIABLES.values():
        assert variable.unit
        assert variable.long_name[0].isupper()
        assert not variable.long_name.endswith(".")


def test_bins_are_narrow_enough_for_two_per_cent():
    assert (LATENCY_EDGES[1:] / LATENCY_CENTRES).max() < 1.02
    assert (LATENCY_CENTRES / LATENCY_EDGES[:-1]).max() < 1.02


def test_latency_bin_holds_what_is_below_the_first_and_above_the_last_edge():
    assert latency_bin(np.array([0.0, 1e-5, 1.03e-4, 1e6])).tolist() == [0, 0, 0, len(LATENCY_CENTRES) - 1]


def test_latency_bin_of_a_centre_is_its_own():
    assert latency_bin(LATENCY_CENTRES).tolist() == list(range(len(LATENCY_CENTRES)))


def test_a_platform_without_users_has_no_variables_of_users():
    declared = declare({"endpoint": ["a.b"]}, {})
    assert "endpoint_arrivals" in declared
    assert not {"users_requests", "sessions_started", "cache_hits"} & set(declared)


def test_a_counter_may_not_take_the_name_of_a_variable():
    with pytest.raises(ConfigError, match=r"platform\.counters\.views: this name is taken"):
        declare(LABELS, {"views": ("1", "")})
