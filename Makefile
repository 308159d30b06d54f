# The main targets are `make tour` and `make test`. Each target creates the virtual environment that it needs.
#   make test PYTHON=python3.13    use another Python, in a separate environment

PYTHON ?= python3
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile --constraint constraints.txt

# Python stores the bytecode of what it imports, even if the shell forbids it: otherwise each process compiles it anew.
export PYTHONDONTWRITEBYTECODE :=

# Two test processes take half of the tests each, so that neighbours share compiled programs, and then from each other.
PARALLEL := -n 2 --dist worksteal

# Random seed of `make fuzz`; passing one repeats its draws.
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

.PHONY: tour lab test test-slow test-browser test-optimized fuzz parity bench bench-smoke claims lint docs clean

# Run every experiment at quick settings and write one page of results.
tour: $(VENV)/tour.stamp
	$(BIN)/neuraxis tour

# Open the lab, interactive models in the browser.
lab: $(VENV)/lab.stamp
	$(BIN)/neuraxis lab

# Run the tests.
test: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(PARALLEL)

# Run the slow tests: whole experiments, interruption and resumption, a full disk, several processes.
test-slow: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(PARALLEL) -m slow

# Run the browser tests of the lab, in Chromium; they are skipped if it is not installed.
test-browser: $(VENV)/browser.stamp
	$(BIN)/python -m pytest tests/browser

# Run the tests of models and of bit-identical results with XLA's optimisations, as users do.
test-optimized: $(VENV)/test.stamp
	NEURAXIS_TESTS_OPTIMIZED=1 $(BIN)/python -m pytest $(PARALLEL) -m "" tests/contract tests/energy tests/neurons tests/spiking \
		tests/engine/test_rules.py tests/engine/test_training.py tests/engine/test_simulate.py

# Run the property-based tests with new random examples, as many as each test specifies.
fuzz: $(VENV)/test.stamp
	@echo "seed $(SEED); make fuzz SEED=$(SEED) repeats these examples"
	$(BIN)/python -m pytest $(PARALLEL) -m hypothesis --hypothesis-profile=fuzz --hypothesis-seed=$(SEED)

# Run the tests that compare neuraxis with other libraries, such as PyTorch, Nengo and Brian2.
parity: $(VENV)/parity.stamp
	$(BIN)/python -m pytest tests/parity

# Benchmark neuraxis against other libraries; record the times in docs/benchmarks.json, docs/overview.md and README.md.
# `make bench ONLY="mlp lif"` runs only these and keeps the recorded times of all others.
bench: $(VENV)/parity.stamp
	$(BIN)/python -m benchmarks --record docs/benchmarks.json $(ONLY); code=$$?; $(BIN)/python docs/overview.py && exit $$code

# Check that all benchmarks run, at sizes too small for meaningful times.
bench-smoke: $(VENV)/parity.stamp
	$(BIN)/python -m benchmarks --quick --rounds 1 > /dev/null

# Run every experiment at its default settings, write docs/claims.md and store the figures of the pages; takes long, and
# fails if a claim is not met.
# `make claims ONLY="lif mlp"` runs only these and keeps the results of all others.
claims: $(VENV)/tour.stamp
	$(BIN)/python docs/claims.py $(ONLY); code=$$?; $(BIN)/python docs/overview.py && exit $$code

# Check style, types, and the rules for imports between packages.
lint: $(VENV)/lint.stamp $(VENV)/test.stamp
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright --pythonpath $(BIN)/python

# Run the Python code of the documentation and the examples, and build the documentation into site/.
docs: $(VENV)/docs.stamp
	$(BIN)/python -m pytest $(PARALLEL) tests/docs
	$(BIN)/python -m zensical build --strict > /dev/null

$(VENV)/tour.stamp: EXTRAS := experiments
$(VENV)/lab.stamp: EXTRAS := lab
$(VENV)/browser.stamp: EXTRAS := browser
$(VENV)/test.stamp: EXTRAS := test
$(VENV)/parity.stamp: EXTRAS := parity
# Its pin of requests 2.25 (2020) conflicts with everything else, and its attacks do not use torchvision.
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
