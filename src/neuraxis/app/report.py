"""The page that a run leaves: self-contained HTML, for a phone as for a wide screen."""

import base64
import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuraxis.app.labels import label
from neuraxis.experiment import Claim, Result
from neuraxis.files import write_atomically


@dataclass(frozen=True)
class Report:
    """All that is told about one run."""

    name: str
    text: str  # the experiment's docstring
    equations: tuple[str, ...]  # MathML
    settings: dict[str, Any]
    meanings: dict[str, str]  # of the settings
    is_default: bool
    is_quick: bool
    result: Result
    figures: dict[str, bytes]  # PNG by file stem
    captions: dict[str, str]
    seconds: float  # of everything, start of the program and compilation included
    versions: dict[str, str]
    device: str
    precision: str  # of products of matrices
    command: str  # that makes this report
    folder: Path

    @property
    def summary(self) -> str:
        """First line of the text."""
        return self.text.partition("\n")[0]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What is claimed; of a run at other settings than the default and the quick ones, what is of a default run."""
        claims = self.result.claims
        return tuple(claim.of_quick() for claim in claims) if self.is_quick else claims

    @property
    def is_claimed(self) -> bool:
        """Whether the claims are about these settings."""
        return self.is_default or self.is_quick

    @property
    def failed_claims(self) -> list[str]:
        """The claims that do not hold, in words; none are made of runs at other settings."""
        metrics = self.result.metrics
        broken = [c for c in self.claims if not c.holds(metrics)] if self.is_claimed else []
        return [f"{c.metric} = {number(metrics[c.metric])}, claimed {c.relation} {c.bound:.7g}" for c in broken]

    def as_metrics(self) -> dict[str, Any]:
        """Return the content of `metrics.json`."""
        metrics = self.result.metrics
        return {
            "experiment": self.name,
            "settings": self.settings,
            # JSON has no numbers for these.
            "metrics": {name: value if math.isfinite(value) else None for name, value in metrics.items()},
            "claims": [
                {"metric": c.metric, "relation": c.relation, "bound": c.bound, "holds": c.holds(metrics)}
                for c in self.claims
            ],
            "data": self.result.data,
            "command": self.command,
            "seconds": round(self.seconds, 3),
            "precision": self.precision,
            "versions": self.versions,
            "device": self.device,
        }


def write_report(path: Path, reports: Sequence[Report], title: str, introduction: str = "") -> None:
    """Write one page about one run or several."""
    links = "".join(f'<a href="#{r.name}">{r.name}</a>' for r in reports)
    navigation = f"<nav>{links}</nav>" if len(reports) > 1 else ""
    intro = f"<p class=lead>{html.escape(introduction)}</p>" if introduction else ""
    body = f"<header><h1>{html.escape(title)}</h1>{intro}{navigation}</header>" + "".join(map(_section, reports))
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    write_atomically(path, page)


def _section(report: Report) -> str:
    summary, _, rest = report.text.partition("\n")
    paragraphs = "".join(f"<p>{_prose(p)}</p>" for p in rest.strip().split("\n\n") if p)
    equations = "".join(f'<div class="scroll formula">{formula}</div>' for formula in report.equations)
    figures = "".join(_figure(stem, png, report.captions[stem]) for stem, png in report.figures.items())
    data = f"<p><b>Data:</b> {html.escape(report.result.data)}</p>" if report.result.data else ""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"""
<section id="{report.name}">
<h2>{html.escape(summary)}</h2>
{equations}
{paragraphs}
{data}
{_claims(report)}
<div class=figures>{figures}</div>
<details><summary>All measured values</summary>{_table(_metrics(report))}</details>
<details><summary>Settings</summary>{_table(_settings(report))}</details>
<footer><code>{html.escape(report.command)}</code> took {report.seconds:.1f} s on {html.escape(report.device)},
with products of matrices in {report.precision}; {html.escape(versions)}</footer>
</section>"""


def _figure(stem: str, png: bytes, caption: str) -> str:
    image = base64.b64encode(png).decode()
    text = html.escape(caption)
    picture = f'<img src="data:image/png;base64,{image}" alt="{text}" id="{stem}">'
    # A tap on the label ticks the box, and the picture is shown in its full size.
    zoom = f'<label class=scroll><input type=checkbox aria-label="full size">{picture}</label>'
    return f"<figure>{zoom}<figcaption>{text}</figcaption></figure>"


def _claims(report: Report) -> str:
    if not report.claims:
        return ""
    metrics = report.result.metrics
    rows = "".join(
        f"<tr><td>{_mark(c.holds(metrics), report.is_claimed)}</td>"
        f"<td>{html.escape(label(c.metric))}</td><td>{_number(metrics[c.metric])}</td>"
        f"<td>{html.escape(c.relation.replace('>=', '≥').replace('<=', '≤'))} {_number(c.bound)}</td></tr>"
        for c in report.claims
    )
    table = f"<table><tr><th></th><th>Measured</th><th>Value</th><th>Bound</th></tr>{rows}</table>"
    note = "" if report.is_claimed else "The bounds are meant for the default settings; this run used others."
    return f"<div class=scroll>{table}</div><p class=note>{note}</p>"


def _mark(holds: bool, is_claimed: bool) -> str:
    if holds:
        return "<span class=yes>✓</span>"
    return "<span class=no>✗</span>" if is_claimed else "–"  # the bound is not meant for this run


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _metrics(report: Report) -> list[tuple[str, ...]]:
    return [(html.escape(label(name)), _number(value)) for name, value in report.result.metrics.items()]


def _settings(report: Report) -> list[tuple[str, ...]]:
    return [
        (f"<code>{html.escape(name)}</code>", _number(value), _prose(report.meanings.get(name, "")))
        for name, value in report.settings.items()
    ]


def _table(cells: list[tuple[str, ...]]) -> str:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
    return f"<div class=scroll><table>{rows}</table></div>"


def number(value: float) -> str:
    """Write a measured number; where nothing could be measured, such as a rate where nothing fired, say that."""
    return "undefined" if math.isnan(value) else f"{value:.5g}"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return html.escape(value if isinstance(value, str) else json.dumps(value))


_STYLE = """
:root { color-scheme: light dark; --text: #1d2430; --soft: #5b6472; --line: #dfe3ea; --back: #f5f6f8; --card: #fff;
  --accent: #0072b2; --yes: #00795a; --no: #c23b00; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ee; --soft: #9aa4b2; --line: #333b47; --back: #14181e;
  --card: #1c222b; --accent: #56b4e9; --yes: #3ecf9f; --no: #ff8a5c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem clamp(0.75rem, 3vw, 2.5rem) 3rem; color: var(--text);
  background: var(--back); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: clamp(1.4rem, 4vw, 2.1rem); margin: 1rem 0 0.5rem; }
h2 { font-size: clamp(1.1rem, 3vw, 1.4rem); margin: 0 0 0.5rem; }
p { max-width: 46rem; margin: 0.6rem 0; }
.lead, .note, figcaption, footer { color: var(--soft); }
.note, figcaption, footer { font-size: 0.9rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1rem 0; }
nav a { padding: 0.25rem 0.75rem; border: 1px solid var(--line); border-radius: 1rem; text-decoration: none;
  color: var(--accent); background: var(--card); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; margin: 1.25rem 0;
  padding: clamp(0.9rem, 3vw, 1.75rem); }
.figures { columns: 26rem; column-gap: 1.5rem; margin: 1rem 0; }
figure { margin: 0; padding-bottom: 1.25rem; break-inside: avoid; }
img { width: 100%; height: auto; border-radius: 0.5rem; background: #fff; display: block; }
figure input { position: absolute; opacity: 0; }
figure label { display: block; cursor: zoom-in; }
figure input:checked + img { width: auto; max-width: none; }
figure input:focus-visible + img { outline: 2px solid var(--accent); }
figcaption { margin-top: 0.4rem; }
.scroll { overflow-x: auto; }
.formula { max-width: 46rem; padding: 0.25rem 0; }
mtd[columnalign=left] { text-align: left; } mtd[columnalign=right] { text-align: right; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
td, th { text-align: left; padding: 0.25rem 0.9rem 0.25rem 0; border-bottom: 1px solid var(--line); }
.yes { color: var(--yes); font-weight: bold; } .no { color: var(--no); font-weight: bold; }
details { margin: 0.4rem 0; } summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 1rem; overflow-wrap: anywhere; }
"""
