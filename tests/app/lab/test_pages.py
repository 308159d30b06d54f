import re
import xml.etree.ElementTree as ET
from dataclasses import fields, replace
from typing import Any, get_type_hints

import jax
import numpy as np
import pytest

from neuraxis import experiments
from neuraxis.app.lab import page
from neuraxis.app.lab.controls import Button, Choice, Slider, Switch, control_of, read_all, write_all
from neuraxis.app.lab.missions import Mission
from neuraxis.app.lab.panels import Graph, Images, Matrix, Plot
from neuraxis.app.lab.script import command, script
from neuraxis.app.lab.wire import encode
from neuraxis.experiment import check_settings

NAMES = page.names()


@pytest.mark.parametrize("name", NAMES)
def test_describes_itself(name):
    about = page.load(name).describe()
    assert about["title"]
    assert re.fullmatch(r"[A-Z].*[.?!]", about["summary"])
    assert about["text"]
    assert about["equations"]
    for control in about["controls"]:
        assert control["label"], control["name"]


@pytest.mark.parametrize("name", NAMES)
def test_belongs_to_an_experiment(name):
    assert page.load(name).experiment in experiments.names()


@pytest.mark.parametrize("name", NAMES)
def test_symbols_of_controls_stand_in_an_equation(name):
    found = page.load(name)
    equations = "".join(found.describe()["equations"])
    symbols = {control_of(each).symbol for each in fields(found.controls)} - {""}
    assert all(f'data-symbol="{symbol}"' in equations for symbol in symbols), symbols
    for equation in found.describe()["equations"]:
        ET.fromstring(equation)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_and_presets_are_values_that_can_be_typed(name):
    found = page.load(name)
    for values in ({}, *found.presets.values()):
        controls = found.controls(**values)
        again, ignored = read_all(found.controls, write_all(controls))
        assert again == controls
        assert not ignored
    assert all(isinstance(mission, Mission) and mission.claims for mission in found.missions)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_moves_and_can_be_drawn(name):
    found = page.load(name)
    module, controls = found.module, found.controls()
    state = module.start(controls, jax.random.key(0))
    pictures = []
    for _ in range(3):
        panels = module.picture(state, controls)
        assert panels
        assert all(isinstance(panel, Plot | Images | Matrix | Graph) for panel in panels)
        for panel in panels:
            if isinstance(panel, Plot):
                assert panel.x
                assert panel.y
                assert panel.x_range is None or np.isfinite(panel.x_range).all()
        numbers = module.numbers(state, controls)
        assert numbers
        assert all(np.ndim(value) == 0 for value in numbers.values())
        pictures.append(encode({"panels": panels, "numbers": numbers}))
        assert len(pictures[-1]) < 1 << 20
        state = module.step(state, controls)
    assert len(set(pictures)) > 1, "nothing moves"
    measures = found.measures(state, controls)
    assert all(mission.is_done(measures) in (True, False) for mission in found.missions)


def _moved(each, kind):
    """Return another value of a control that does not start the run anew, or None."""
    control = control_of(each)
    if control.restarts or isinstance(control, Choice):
        return None
    if isinstance(control, Slider):
        value = control.low + 0.5 * (control.high - control.low)
        value = kind(round(value)) if kind is int else value
        return value if value != each.default else kind(control.low)
    if isinstance(control, Switch):
        return not each.default
    return 1 if isinstance(control, Button) else None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_value_compiles_nothing(name):
    found = page.load(name)
    module, controls = found.module, found.controls()
    kinds = get_type_hints(found.controls)
    values = {each.name: _moved(each, kinds[each.name]) for each in fields(controls)}
    values = {key: value for key, value in values.items() if value is not None}
    state = module.start(controls, jax.random.key(0))
    for key, value in values.items():  # what a switch or a button needs may be compiled when it is first used
        state = module.step(state, replace(controls, **{key: value}))
        module.picture(state, controls)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(listener := lambda event, *_, **__: compiled.append(event))
    try:
        for key, value in values.items():
            if isinstance(value, float):
                state = module.step(
                    state, replace(controls, **{key: value * (1 - 1e-3) + 1e-3 * getattr(controls, key)})
                )
                module.picture(state, controls)
                assert not [event for event in compiled if "backend_compile" in event], key
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_script_repeats_what_is_on_the_screen(name, tmp_path, monkeypatch):
    found = page.load(name)
    module, first = found.module, found.controls()
    kinds = get_type_hints(found.controls)
    moved = {each.name: _moved(each, kinds[each.name]) for each in fields(first)}
    changes = {1: {key: value for key, value in moved.items() if value is not None}}
    controls, state = first, module.start(first, jax.random.key(3))
    for number in range(3):
        controls = replace(controls, **changes.get(number, {}))
        state = module.step(state, controls)
    monkeypatch.chdir(tmp_path)
    repeated: dict[str, Any] = {"__name__": "script"}
    exec(compile(script(found, first, changes, 3, 3), f"{name}.py", "exec"), repeated)
    shown = encode(list(repeated["picture"](repeated["state"], repeated["controls"])))
    assert shown == encode(list(module.picture(state, controls)))
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_command_has_settings_that_the_experiment_takes(name):
    found = page.load(name)
    module = experiments.load(found.experiment)
    names = {each.name for each in fields(module.Settings)}
    shared = {each.name: getattr(found.controls(), each.name) for each in fields(found.controls) if each.name in names}
    check_settings(replace(module.Settings(), **shared))
    assert command(found, found.controls()).startswith(f"neuraxis run {found.experiment}")
