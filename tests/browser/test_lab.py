"""The lab in a real browser. These tests need Chromium and Playwright, and are skipped where one is missing."""

import re

import numpy as np
import pytest

from benchmarks._browser import CHROMIUM, FLAGS, served
from neuraxis.app.lab import page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

NAMES = page.names()
NEURON = "hodgkin-huxley"
_PATIENCE = 90_000  # milliseconds, for compilations on a busy machine


@pytest.fixture(scope="module")
def lab():
    with served() as address:
        yield address.rstrip("/")


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(lab, chromium):
    """Open a page of the lab; what its console complains of fails the test."""
    complaints = []
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    context.set_default_timeout(_PATIENCE)

    def open(path, moving=True):
        tab = context.new_page()
        tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: complaints.append(request.url) if is_elsewhere(request.url) else None)
        tab.goto(f"{lab}/{path}")
        if moving:
            tab.wait_for_function("window.lab?.pictures > 2")
        return tab

    def is_elsewhere(url):
        return not url.startswith((lab, lab.replace("http", "ws"), "blob:", "data:"))

    yield open
    context.close()
    assert not complaints


def number(tab, label):
    """Read one of the numbers beside the picture."""
    term = tab.locator("#numbers dt", has_text=re.compile(f"^{re.escape(label)}$"))
    return float(term.locator("xpath=following-sibling::dd[1]").inner_text().replace("−", "-"))


def paused(tab):
    tab.locator("#run").click()
    tab.wait_for_function("document.body.dataset.status === 'paused'")


@pytest.mark.parametrize("name", NAMES)
def test_every_page_moves_answers_a_control_and_gives_a_script(name, open_tab):
    tab = open_tab(name)
    before = tab.evaluate("window.lab.pictures")
    tab.wait_for_function(f"window.lab.pictures > {before} + 2")
    assert tab.locator("#notice").is_hidden()
    moved = tab.evaluate(
        """async (name) => {
            const {controls} = await (await fetch(`/api/pages/${name}`)).json();
            const slider = controls.find((control) => control.kind === "slider" && !control.restarts);
            if (!slider) return null;
            const away = +slider.default === slider.low ? slider.high : slider.low;
            const value = slider.whole ? away : (away + 3 * +slider.default) / 4;
            window.lab.set(slider.name, value);
            return [slider.name, value];
        }""",
        name,
    )
    if moved:
        tab.wait_for_function("([control, value]) => +window.lab.shown[control] === value", arg=moved)
        tab.wait_for_function("control => location.search.includes(`${control}=`)", arg=moved[0])
    tab.locator("#python").click()
    tab.wait_for_function("document.getElementById('script').open")
    script = tab.locator("#script pre").inner_text()
    compile(script, name, "exec")
    assert "def step(state, controls):" in script
    if moved:
        assert f"{moved[0]!r}: " in script
    assert tab.locator("#script code").inner_text().startswith("neuraxis run ")


def test_the_list_has_every_page(open_tab):
    tab = open_tab("", moving=False)
    tab.wait_for_selector(".card")
    links = tab.locator(".card").evaluate_all("cards => cards.map((card) => card.pathname.slice(1))")
    assert links == NAMES


def test_the_keyboard_alone_runs_it(open_tab):
    tab = open_tab(NEURON)
    tab.keyboard.press("Space")
    tab.wait_for_function("document.body.dataset.status === 'paused'")
    before = number(tab, "Time [ms]")
    tab.keyboard.press(".")
    tab.wait_for_function(f"document.querySelector('#numbers dd').textContent == {before + 0.5}")
    tab.locator("#controls input[type=range]").first.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("+window.lab.shown.current > 10")
    tab.keyboard.press("r")
    tab.wait_for_function("document.querySelector('#count').textContent === 'step 0'")
    for key, shown in (("p", "body.presenter"), ("d", "html[data-theme=dark]"), ("?", "#keys[open]")):
        assert tab.locator(shown).count() == 0
        tab.keyboard.press(key)
        tab.wait_for_selector(shown)


def test_a_value_out_of_range_gets_a_sentence_beside_its_control(open_tab):
    tab = open_tab(NEURON)
    field = tab.locator("#controls .number").first
    field.fill("999")
    field.press("Enter")
    problem = tab.locator("#controls .problem").first
    problem.wait_for(state="visible")
    assert problem.inner_text() == "Injected current must be between 0 and 180, but is 999"
    field.fill("12")
    field.press("Enter")
    problem.wait_for(state="hidden")


def test_a_symbol_lights_its_slider_and_its_line(open_tab):
    tab = open_tab(NEURON)
    tab.locator('math [data-symbol="J"]').hover()
    tab.wait_for_selector('.control.lit[data-symbol="J"]')
    tab.locator('.control[data-symbol="g_Na"]').hover()
    tab.wait_for_selector('math .lit[data-symbol="g_Na"]')
    assert tab.locator('math .lit[data-symbol="J"]').count() == 0


def test_nonsense_in_the_address_is_said(open_tab):
    tab = open_tab(f"{NEURON}?current=much&tempo=3")
    said = tab.locator(".notice", has_text="ignored").inner_text()
    assert "Injected current must be a number, but is 'much'" in said
    assert "there is no control called 'tempo'" in said


def test_a_link_shows_the_same_picture_and_the_pictures_can_be_saved(open_tab, tmp_path):
    tab = open_tab(f"{NEURON}?current=7")
    tab.evaluate("window.lab.set('current', 20)")
    tab.wait_for_function("+window.lab.shown.current === 20")
    paused(tab)
    tab.locator("#link").click()
    tab.wait_for_function("location.search.includes('at=')")
    again = open_tab(f"{NEURON}{tab.evaluate('location.search')}", moving=False)
    again.wait_for_function("document.body.dataset.status === 'paused'")
    again.wait_for_function("window.lab.pictures > 0")
    assert again.locator("#count").inner_text() == tab.locator("#count").inner_text()

    def saved(which, label):
        which.locator("figure").first.hover()
        with which.expect_download() as download:
            which.locator(".export button", has_text=label).first.click()
        download.value.save_as(path := tmp_path / f"{id(which)}.{label}")
        return path.read_bytes()

    assert saved(tab, "CSV") == saved(again, "CSV")
    assert saved(tab, "PNG").startswith(b"\x89PNG")
    assert saved(tab, "SVG").startswith(b"<svg")
    header, *rows = saved(tab, "CSV").decode().splitlines()
    assert header == "V: Time [ms],V: Membrane potential [mV]"
    assert np.isfinite([[float(cell) for cell in row.split(",")] for row in rows]).all()


def test_a_ghost_stays_while_the_curve_moves_on(open_tab):
    tab = open_tab(NEURON)
    tab.keyboard.press("g")
    assert tab.locator("#ghost").get_attribute("aria-pressed") == "true"
    tab.keyboard.press("g")
    assert tab.locator("#ghost").get_attribute("aria-pressed") == "false"


def test_a_phone_needs_no_scrolling_sideways(open_tab):
    tab = open_tab(NEURON)
    tab.set_viewport_size({"width": 400, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_every_control_has_a_name(open_tab):
    tab = open_tab(NEURON)
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, canvas")].filter((element) =>
            !(element.getAttribute("aria-label") || element.labels?.length || element.textContent.trim())
        ).map((element) => element.outerHTML)"""
    )
    assert not nameless


def test_a_tab_goes_on_once_the_lab_is_back(chromium):
    tab = chromium.new_page()
    tab.set_default_timeout(_PATIENCE)
    with served(NEURON, 8870) as address:
        tab.goto(f"{address}?current=8")
        tab.wait_for_function("window.lab?.pictures > 2")
    tab.wait_for_selector("body.lost")
    with served(NEURON, 8870):
        tab.wait_for_function("!document.body.classList.contains('lost')")
        before = tab.evaluate("window.lab.pictures")
        tab.wait_for_function(f"window.lab.pictures > {before} + 2")
        assert tab.evaluate("window.lab.shown.current") == "8"
    tab.close()


def test_a_digit_can_be_drawn_and_cleared(open_tab):
    tab = open_tab("hopfield")
    pad = tab.locator("canvas.pad")
    box = pad.bounding_box()
    tab.locator("button", has_text="Clear").click()
    tab.wait_for_function("!/[1-9a-f]/.test(window.lab.shown.cue)")
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=12)
    tab.mouse.up()
    tab.wait_for_function("(window.lab.shown.cue.match(/[8-9a-f]/g) ?? []).length >= 6")
    pad.focus()
    before = tab.evaluate("window.lab.shown.cue")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Space")
    tab.wait_for_function("before => window.lab.shown.cue !== before", arg=before)


def test_files_are_read_checked_and_refused_with_a_sentence(open_tab, tmp_path):
    tab = open_tab("mlp")
    problem = tab.locator(".control.table .problem:visible")
    choose = tab.locator(".control.table input[type=file]")
    random = np.random.default_rng(0)
    good, bad, huge = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "huge.csv"
    good.write_text(
        "x,y,class\n" + "".join(f"{x:.3f},{y:.3f},{k % 2}\n" for k, (x, y) in enumerate(random.normal(size=(40, 2))))
    )
    bad.write_text("x,y,class\n1,2\n")
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    choose.set_input_files(huge)
    problem.wait_for()
    assert problem.inner_text() == "huge.csv has 200 MB, but the limit is 200 kB"
    choose.set_input_files(bad)
    tab.wait_for_function("document.querySelector('.control.table').textContent.includes('but line 2 is')")
    choose.set_input_files(good)
    tab.wait_for_function("window.lab.shown.points?.includes('x,y,class')")
    tab.locator("button", has_text="Use the built-in data").click()
    tab.wait_for_function("window.lab.shown.points === ''")


def test_a_text_that_is_typed_is_read(open_tab):
    tab = open_tab("gru")
    tab.locator("#controls textarea").fill("To be, or not")
    tab.wait_for_function("window.lab.shown.text === 'To be, or not'")
    tab.wait_for_function("location.search.includes('text=')")
