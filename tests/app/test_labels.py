"""Names of metrics for people."""

import pytest

from neuraxis.app.labels import label


@pytest.mark.parametrize(
    ("metric", "written"),
    [
        ("test_accuracy", "Test accuracy"),
        ("first_peak_mv", "First peak [mV]"),
        ("hopf_current_1_ua", "Hopf current 1 [µA/cm²]"),
        ("batch_8_seconds", "Batch 8 [s]"),
        ("fit_starts_within_2_percent", "Fit starts within 2 percent"),
        ("g_na_error_percent", "g_Na error [%]"),
        ("effective_tau_m_ms", "Effective τ_m [ms]"),
        ("overlap_at_load_0_13", "Overlap at load 0.13"),
        ("sup_error_1d_eps_0_01", "Sup error 1D ε 0.01"),
        ("mlp_test_accuracy", "MLP test accuracy"),
        ("percent", "Percent"),
    ],
)
def test_label(metric, written):
    assert label(metric) == written
