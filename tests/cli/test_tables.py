"""What a summary says to people."""

from __future__ import annotations

from chipsim.cli.tables import summary_rows

FULL = {
    "images": 50_000,
    "test_accuracy": 0.9312,
    "chip_time_s": 0.012,
    "training_time_s": 0.009,
    "stall_time_s": 0.003,
    "images_per_second": 4_166_666.0,
    "waiting": {"transfer_s": 0.001, "tile_s": 0.0, "host_s": 0.0005, "sleep_s": 0.0005, "longest_delay_of_an_image_s": 2e-6},
    "transfers": {"count": 7, "late": 2, "worst_backlog_columns": 1234},
    "utilisation": {"arrays": {"busy_share": 0.251}},
    "refreshes": {"rows": 12_000, "late": 3},
    "sleeps": {"count": 2, "asleep_s": 60.0, "accuracy_lost_mean": 0.0125},
    "host": {"chip_waits_share": 0.4, "host_waits_share": 0.05},
    "stages": [
        {"label": "at home", "accuracy": 0.75, "accuracy_pretrained": 0.96},
        {"label": "a night", "accuracy": 0.74, "accuracy_pretrained": None},
    ],
    "energy_J": {"array read": 3e-6, "RESET": 1e-6, "neuron": 0.0, "total": 4e-6},
    "energy_per_image_J": 8e-11,
    "area_mm2": {"cells": 0.2, "total": 0.395},
    "tops_peak": 4.12,
    "tops_effective": 3.1,
    "tops_per_W": 371.0,
    "tops_per_W_effective": 128.0,
    "tops_per_mm2": 10.4,
    "tops_per_mm2_effective": None,
    "wall_time_s": 5.0,
    "images_per_wall_second": 10_000.0,
}


def test_everything_that_a_summary_has_is_told():
    """Waiting times by reason with what is left over, late transfers, use, refreshes, sleeps, host, stages, energy by component and silicon have a row each."""
    rows = dict(summary_rows(FULL))
    assert rows["... for transfers"] == "1 ms"
    assert rows["... for the host"] == "500 us"
    assert rows["... for the final transfer, or at rest"] == "1 ms"  # 3 ms less 1 ms, 0.5 ms and 0.5 ms
    assert rows["... at most for one image"] == "2 us"
    assert rows["images a second of chip time"] == "4,166,666"
    assert rows["... late"] == "2, up to 1,234 columns behind"
    assert rows["arrays busy"] == "25.1 %"
    assert rows["rows refreshed"] == "12,000, 3 of them late"
    assert rows["sleeps"] == "2, 60 s in all, 1.25 points lost on average"
    assert rows["host"] == "chip waits 40.0 % of the time, host 5.0 %"
    assert rows["after at home"] == "accuracy 75.0 %, of what was pre-trained 96.0 %"
    assert rows["after a night"] == "accuracy 74.0 %"
    assert rows["... array read"] == "3 uJ  (75.0 %)"
    assert rows["TOP/s/W"] == "371 at the peak, 128 over the whole run"
    assert rows["area"] == "0.395 mm2"


def test_what_a_summary_lacks_is_left_out():
    """Nothing is said of parts without time, of energy where there is none, or of a throughput that is not known."""
    rows = dict(summary_rows(FULL))
    assert "... for columns and rows being written" not in rows
    assert "... neuron" not in rows
    assert "TOP/s/mm2" not in rows
    assert dict(summary_rows({"images": 0, "images_per_second": 0.25, "energy_J": {"total": 0.0}})) == {
        "images trained": "0",
        "images a second of chip time": "0.25",
        "energy": "0 J",
    }
    assert not dict(summary_rows({}))
