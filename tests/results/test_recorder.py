import errno

import numpy as np
import pytest
from evening import COUNTERS, LABELS, window_values

from sfmodel.errors import RunError
from sfmodel.results.recorder import FIRST_CHUNKS, Recorder
from sfmodel.results.variables import VARIABLES


def test_what_was_recorded_comes_back_across_chunks(make_run, tmp_path):
    windows = 130  # more than two chunks of a histogram
    ds = make_run(windows, store=tmp_path / "dataset.zarr")
    for k in (0, 59, 60, 129):
        expected = window_values(k)
        for name in ("endpoint_latency", "station_queue_max", "users_time", "llm_cost"):
            np.testing.assert_array_equal(ds[name].values[k], expected[name])


def test_every_variable_has_time_first_and_its_unit(make_run):
    ds = make_run(2)
    for variable in ds.data_vars.values():
        assert variable.dims[0] == "time"
        assert variable.attrs["units"]
        assert variable.attrs["long_name"]
    assert set(VARIABLES) | set(COUNTERS) == set(ds.data_vars)


def test_labels_are_names(make_run):
    ds = make_run(2)
    assert ds.sel(endpoint="engine.recommend", time=72010.0)["endpoint_arrivals"].item() == 100


def test_a_run_without_windows_gives_an_empty_dataset(make_run):
    ds = make_run(0)
    assert ds.sizes["time"] == 0
    assert ds["endpoint_latency"].shape == (0, 3, 388)


def test_an_interrupted_run_keeps_the_windows_it_had():
    recorder = Recorder(LABELS, 0.0, 10.0, 1000, COUNTERS)
    for k in range(7):
        recorder.record(k, window_values(k))
    ds = recorder.finish({})
    assert ds.sizes["time"] == 7
    assert ds["station_waiting"].values[:, 0].tolist() == list(range(7))


def test_an_array_grows_with_what_is_recorded_and_so_is_quickly_cut(tmp_path):
    recorder = Recorder(LABELS, 0.0, 10.0, 10_000_000, COUNTERS, store=tmp_path / "dataset.zarr")
    windows = 60 * FIRST_CHUNKS + 61  # two chunks more than there were at first
    for k in range(windows):
        recorder.record(k, window_values(k))
    latency = recorder.finish({})["endpoint_latency"].values
    for k in (0, 60 * FIRST_CHUNKS - 1, 60 * FIRST_CHUNKS, windows - 1):
        np.testing.assert_array_equal(latency[k], window_values(k)["endpoint_latency"])


def test_the_last_window_may_be_shorter(make_run):
    ds = make_run(3, start_s=0.0, until_s=25.0)
    assert ds["width"].values.tolist() == [10.0, 10.0, 5.0]


def test_a_variable_that_was_not_measured_is_not_in_the_dataset():
    recorder = Recorder(LABELS, 0.0, 10.0, 1)
    recorder.record(0, {"demand": np.float64(1.0)})
    assert list(recorder.finish({}).data_vars) == ["demand"]


def test_windows_come_in_order():
    recorder = Recorder(LABELS, 0.0, 10.0, 2, COUNTERS)
    with pytest.raises(ValueError, match="expected window 0 of 2, found window 1"):
        recorder.record(1, window_values(1))


def test_extras_and_attributes_are_kept(tmp_path):
    recorder = Recorder(LABELS, 0.0, 10.0, 0, store=tmp_path / "d.zarr")
    recorder.add(
        "edge_from", ["call"], ["gateway.recommend", "engine.recommend"], {"units": "1", "long_name": "Caller"}
    )
    ds = recorder.finish({"seed": np.int64(3), "config": {"demand": {"level": np.float64(1.5)}}})
    assert ds["edge_from"].values.tolist() == ["gateway.recommend", "engine.recommend"]
    assert ds.attrs["seed"] == 3
    assert ds.attrs["config"]["demand"]["level"] == 1.5


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    import zarr

    recorder = Recorder(LABELS, 0.0, 10.0, 1, COUNTERS, tmp_path / "d.zarr")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zarr.Array, "__setitem__", full)
    with pytest.raises(RunError, match="no space left on device; free space there"):
        recorder.record(0, window_values(0))  # the only window: every buffer is full
