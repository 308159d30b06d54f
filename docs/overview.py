"""Systems at a glance: what `make claims` and `make bench` have measured, as a page and as a short table in the README.

`python docs/overview.py` writes both from docs/claims.json and docs/benchmarks.json.
"""

import json
import re
from pathlib import Path
from typing import Any

import claims
from neuraxis import experiments
from neuraxis.files import write_atomically

DOCS = Path(__file__).parent
PAGE, README = DOCS / "overview.md", DOCS.parent / "README.md"
BENCHMARKS = DOCS / "benchmarks.json"  # by benchmark, written by `python -m benchmarks --record`
_BETWEEN = re.compile(r"(?<=<!-- systems: made by docs/overview.py -->\n).*?(?=<!-- end of systems -->)", re.DOTALL)
_COLUMNS = (
    *("system", "what it is", "result", "measured", "claimed", "claims that hold", "seconds"),
    *("benchmark", "fastest peer", "peer / neuraxis"),
)
# The claim that says most of each system: its metric, in a person's words.
MAIN = {
    "hodgkin-huxley": ("single_spike_current_ua", "weakest current that makes it fire [µA/cm²]"),
    "lif": ("rate_error_percent", "largest error of the firing rate [%]"),
    "synapse": ("correlation", "correlation of the filtered spikes with the input"),
    "spiking-network": ("firing_rate_hz", "mean firing rate [Hz]"),
    "coba": ("firing_rate_hz", "mean firing rate [Hz]"),
    "spiking-classifier": ("test_accuracy", "accuracy on the test images"),
    "activations": ("max_derivative_error", "largest error of a derivative"),
    "losses": ("matching_gradient_when_wrong", "gradient of a confident error, with the matching output"),
    "mlp": ("test_accuracy", "accuracy on the test images"),
    "universal-approximation": ("sup_error_1d_eps_0_01", "largest error of a network built for ε = 0.01"),
    "backprop": ("max_deviation", "largest difference to automatic differentiation"),
    "autodiff": ("max_deviation_from_jax", "largest difference to JAX in double precision"),
    "optimizers": ("momentum_deviation_from_theory", "error of the predicted path with momentum"),
    "regularization": ("elastic_loss_over_none", "test loss with elastic distortions over that without"),
    "gradient-flow": ("relu_he_factor_per_layer", "factor of the gradient per layer, ReLU with He's weights"),
    "cnn": ("test_accuracy", "accuracy on the test images"),
    "batch-norm": ("deep_with_test_accuracy", "accuracy of a deep logistic network"),
    "learning-settings": ("reinforcement_steps_held", "steps for which the pole is balanced, of 500"),
    "hopfield": ("digits_restored_exactly", "share of corrupted digits restored exactly"),
    "rnn": ("max_deviation", "largest difference of the hand-written gradient to autodiff"),
    "gru": ("gru_test_error", "squared error on the adding problem, 200 steps"),
    "min-gru": ("accuracy_of_3", "accuracy of selective copying, three layers"),
    "permuted-mnist": ("test_accuracy", "accuracy on the test images"),
    "autoencoder": ("deep_error_over_pca", "reconstruction error over that of PCA"),
    "word2vec": ("analogies_right_negative_sampling", "share of analogies solved"),
    "transformer-lm": ("validation_loss_2017", "validation loss of the 2017 network [nats]"),
    "transformer-seq2seq": ("exact_new_forms", "share of dates translated exactly"),
    "vae": ("negative_log_likelihood", "−ln p(x) of test images [nats]"),
    "diffusion": ("confidence", "confidence of a classifier in the samples"),
    "rbm": ("log_likelihood_forward", "ln p(x) of test images [nats]"),
    "gan": ("ring_modes_covered", "modes covered of a ring of eight Gaussians"),
    "adversarial-attack": ("robust_ensemble", "accuracy of the robust network under the ensemble"),
    "trades": ("trades_pgd", "accuracy under PGD"),
    "population-coding": ("noise_slope", "exponent of the noise error against the number of neurons"),
    "transformations": ("product_spiking_rms_error", "RMS error of a product, in spikes"),
    "population-dynamics": ("lorenz_followed_units", "time for which Lorenz's system is followed"),
    "predictive-coding": ("accuracy", "accuracy on the test images, by local learning"),
}
_NOTHING = "—"  # where no benchmark exists, or nothing was measured yet

Record = dict[str, dict[str, Any]]


def main() -> None:
    """Write the page and the table in the README."""
    runs, timed = records()
    write_atomically(PAGE, page(runs, timed))
    write_atomically(README, with_table(README.read_text(encoding="utf-8"), runs, timed))


def records() -> tuple[Record, Record]:
    """Read what is known of the experiments and of the benchmarks, each by name."""
    runs, timed = (json.loads(path.read_text(encoding="utf-8")) for path in (claims.RECORD, BENCHMARKS))
    return runs, timed


def page(runs: Record, timed: Record) -> str:
    """Write the page."""
    lines = [
        "# Systems at a glance",
        "",
        "For each system its main result, as measured in a run at default settings and as claimed, how many of all",
        "[claims](claims.md) hold, and how long the whole run took; and beside that each of its",
        "[benchmarks](benchmarks.md), with the fastest of the peers and how many times as long as neuraxis it takes",
        "for the same work. `make claims` and `make bench` measure, and this page is made of their records.",
        "",
        *sorted({f"- Claims: {claims.where(run)}" for run in runs.values()}),
        *sorted({f"- Benchmarks: {_where(entry)}" for entry in timed.values()}),
    ]
    for chapter, names in experiments.chapters().items():
        lines += ["", f"## {chapter}", "", *_head(*_COLUMNS)]
        lines += [row for name in names for row in _rows(name, runs, timed)]
    return "\n".join([*lines, ""])


def with_table(text: str, runs: Record, timed: Record) -> str:
    """Return the README with the short table in its place."""
    lines = _head("system", "result", "measured", "claimed", "peer's time / ours")
    for name in experiments.names():
        title = experiments.summary(name).partition(":")[0]
        by_peer: dict[str, list[str]] = {}
        for _, peer, ratio in _benchmarks(name, timed):
            by_peer.setdefault(peer, []).append(ratio)
        times = "; ".join(f"{peer}: {', '.join(ratios)}" for peer, ratios in by_peer.items())
        lines.append(_row(f"[{title}](docs/systems/{name}.md)", *_claim(name, runs)[:3], times or _NOTHING))
    return _BETWEEN.sub(lambda _: "\n".join(["", *lines, "", ""]), text)


def _rows(name: str, runs: Record, timed: Record) -> list[str]:
    """Write the row of an experiment, and one more for each further benchmark."""
    around = f"[{name}](systems/{name}.md)", experiments.summary(name), *_claim(name, runs)
    first, *further = _benchmarks(name, timed) or [(_NOTHING, _NOTHING, _NOTHING)]
    return [_row(*around, *first), *(_row(*("",) * len(around), *cells) for cells in further)]


def _claim(name: str, runs: Record) -> tuple[str, str, str, str, str]:
    """Return the main claim in words, what was measured of it, its bound, how many claims hold, and the seconds."""
    metric, words = MAIN[name]
    run = runs.get(name)
    if run is None:
        return words, _NOTHING, _NOTHING, _NOTHING, _NOTHING
    held = [claim["holds"] for claim in run["claims"]]
    return (
        words,
        claims.measured(run, metric),
        claims.bounds(run)[metric],
        f"{sum(held)} of {len(held)}",
        f"{run['seconds']:.0f}",
    )


def _benchmarks(name: str, timed: Record) -> list[tuple[str, str, str]]:
    """Return title, fastest peer and ratio of each benchmark of an experiment; those of the lab have no peer."""
    entries = (entry for entry in timed.values() if entry["experiment"] == name)
    return [_fastest_peer(entry) for entry in entries if len(entry["sides"]) > 1]


def _fastest_peer(entry: dict[str, Any]) -> tuple[str, str, str]:
    peer = min(entry["sides"][1:], key=lambda side: side["median"])
    busy = " (busy machine)" if entry["busy"] else ""
    return entry["title"], peer["name"], f"{peer['ratio']:.2g}{busy}"


def _where(entry: dict[str, Any]) -> str:
    return f"{entry['device']}; jax {entry['versions']['jax']}; {', '.join(entry['settings']) or 'process as it is'}"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row(*("---" for _ in cells))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
