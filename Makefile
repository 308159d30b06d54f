# Two commands do everything: `make tour` and `make test`. Each makes the virtual environment when it is missing.
#   make test PYTHON=python3.13    with another Python, in an environment of its own

PYTHON ?= python3
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile --constraint constraints.txt

# Random draws of `make fuzz`; a given seed repeats them.
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

.PHONY: tour lab test test-slow test-browser test-optimized fuzz parity bench bench-smoke claims lint docs clean

# Run every experiment quickly and leave one page of results.
tour: $(VENV)/tour.stamp
	$(BIN)/neuraxis tour

# Open live models in the browser.
lab: $(VENV)/lab.stamp
	$(BIN)/neuraxis lab

# Run the tests.
test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2

# Run the tests that take long: whole experiments, interrupting and resuming, a full disk, several processes.
test-slow: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2 -m slow

# Run the tests of the lab in a browser, Chromium; they are skipped where it is not installed.
test-browser: $(VENV)/browser.stamp
	$(BIN)/python -m pytest tests/browser

# Run the tests of models and of what is equal to the last bit as users run it: compiled with XLA's optimisation.
test-optimized: $(VENV)/test.stamp
	NEURAXIS_TESTS_OPTIMIZED=1 $(BIN)/python -m pytest -n 2 -m "" tests/contract tests/energy tests/neurons tests/spiking \
		tests/engine/test_rules.py tests/engine/test_training.py tests/engine/test_simulate.py

# Run the tests that draw examples at random with new draws, as many as each test says.
fuzz: $(VENV)/test.stamp
	@echo "drawn with seed $(SEED); make fuzz SEED=$(SEED) draws the same"
	$(BIN)/python -m pytest -n 2 -m hypothesis --hypothesis-profile=fuzz --hypothesis-seed=$(SEED)

# Compare with PyTorch, Nengo and Brian2.
parity: $(VENV)/parity.stamp
	$(BIN)/python -m pytest tests/parity

# Time neuraxis and its peers side by side, and keep the times in docs/benchmarks.json, docs/overview.md and README.md.
# `make bench ONLY="mlp lif"` chooses; what is known of the others stays.
bench: $(VENV)/parity.stamp
	$(BIN)/python -m benchmarks --record docs/benchmarks.json $(ONLY); code=$$?; $(BIN)/python docs/overview.py && exit $$code

# See that all benchmarks run, at sizes at which the times mean nothing.
bench-smoke: $(VENV)/parity.stamp
	$(BIN)/python -m benchmarks --quick --rounds 1 > /dev/null

# Run every experiment at its default settings, write docs/claims.md and keep the figures of the pages; takes long, and
# fails where a claim is missed.
# `make claims ONLY="lif mlp"` chooses; what is known of the others stays.
claims: $(VENV)/tour.stamp
	$(BIN)/python docs/claims.py $(ONLY); code=$$?; $(BIN)/python docs/overview.py && exit $$code

# Style, types, and which part may import which.
lint: $(VENV)/lint.stamp $(VENV)/test.stamp
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright --pythonpath $(BIN)/python

# Build the documentation into site/, and run the Python on its pages and the examples.
docs: $(VENV)/docs.stamp
	$(BIN)/python -m pytest -n 2 tests/docs
	$(BIN)/python -m zensical build --strict > /dev/null

$(VENV)/tour.stamp: EXTRAS := experiments
$(VENV)/lab.stamp: EXTRAS := lab
$(VENV)/browser.stamp: EXTRAS := browser
$(VENV)/test.stamp: EXTRAS := test
$(VENV)/parity.stamp: EXTRAS := parity
# It asks for requests 2.25 of 2020, which nothing else here can go with, and for torchvision, which its attacks do not use.
$(VENV)/parity.stamp: WITHOUT_DEPENDENCIES := torchattacks
$(VENV)/lint.stamp: EXTRAS := lint
$(VENV)/docs.stamp: EXTRAS := docs

$(VENV)/%.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[$(EXTRAS)]"
	$(if $(WITHOUT_DEPENDENCIES),$(PIP) --no-deps $(WITHOUT_DEPENDENCIES))
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf .venv .venv-* site .pytest_cache .ruff_cache
