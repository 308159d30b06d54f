"""Names of metrics as a person would write them."""

import re

_UNITS = {
    "hz": "Hz",
    "ms": "ms",
    "mv": "mV",
    "nats": "nats",
    "percent": "%",
    "seconds": "s",
    "ua": "µA/cm²",
}
_ABBREVIATIONS = frozenset(
    {
        *(
            "apgd",
            "cd",
            "cnn",
            "cv",
            "ddim",
            "ddpm",
            "dlr",
            "elbo",
            "fab",
            "fgsm",
            "gru",
            "kl",
            "lif",
            "lmu",
            "mlp",
            "mmd",
        ),
        *("mnist", "nrmse", "pca", "pcd", "pes", "pgd", "rbm", "rms", "rnn", "vae", "1d", "2d", "3d"),
    }
)
_WRITTEN = {
    "eps": "ε",
    "euler": "Euler",
    "frechet": "Fréchet",
    "he": "He",
    "hopf": "Hopf",
    "jax": "JAX",
    "relu": "ReLU",
}
_SYMBOLS = {"tau_m": "τ_m", "g_na": "g_Na", "g_k": "g_K"}


def label(metric: str) -> str:
    """Write a metric's name in words, with its unit: "First peak [mV]" for `first_peak_mv`."""
    text = re.sub(r"(?<=_)(\d+)_(\d+)(?=_|$)", r"\1.\2", metric)
    stem, _, last = text.rpartition("_")
    is_unit = stem and not (last == "percent" and stem[-1].isdigit())  # as in `within_2_percent`
    unit = _UNITS.get(last) if is_unit else None
    for symbol, written in _SYMBOLS.items():
        text = re.sub(rf"\b{symbol}(?=_|$)|(?<=_){symbol}(?=_|$)", written.replace("_", "\0"), text)
    words = " ".join(map(_word, (text.rpartition("_")[0] if unit else text).split("_"))).replace("\0", "_")
    if "_" not in words.partition(" ")[0]:  # not a symbol
        words = words[:1].upper() + words[1:]
    return f"{words} [{unit}]" if unit else words


def _word(word: str) -> str:
    return word.upper() if word in _ABBREVIATIONS else _WRITTEN.get(word, word)
