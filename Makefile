# Needs Python 3.11 or later with venv and pip, nothing else. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: run search-demo benchmark-demo test check docs fuzz faults bench bench-long clean

run: $(INSTALLED)
	$(BIN)/alignfreeze run

search-demo: $(INSTALLED)
	$(BIN)/alignfreeze search --study search-demo --search-strategies front,back --trials 24 \
		--final-seeds 31,42,66

benchmark-demo: $(INSTALLED)
	$(BIN)/alignfreeze benchmark --preset demo --workers 2
	$(BIN)/alignfreeze report --output report-demo

# Two tests at a time with one thread each: small tensors gain nothing by more. Many start processes
# of their own: bytecode spares each some seconds, where Python is told to write none by itself.
test: $(INSTALLED)
	$(BIN)/python -m compileall -q alignfreeze strategies tasks aligners objectives
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_dependencies.py

# The site of docs/, into site/: strict about links and anchors, and without a network. (The warning
# is about the next major version of mkdocs, which is not installed.)
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Mutated files for all readers, odd values for all options; a failing input is kept as a test.
SECONDS ?= 600
SEED ?= 0
fuzz: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.fuzz --seconds $(SECONDS) --seed $(SEED)

# Kills, full disks, damaged files and the like, at fixed points of real commands: a table of what
# was survived. 20 minutes on two cores; FAULTS=--short: half a minute, as in the tests.
FAULTS ?=
faults: $(INSTALLED)
	$(BIN)/python -m tools.faults $(FAULTS)

# Writes benchmarks/RESULTS.md in 25 minutes on two cores with bf16. BENCH="--data DIR --model DIR" for
# other data than the evaluation suite beside the checkout, or the demo where there is none.
BENCH ?=
bench: $(INSTALLED)
	$(BIN)/python benchmarks/startup.py $(BENCH)
	$(BIN)/python benchmarks/results_store.py $(BENCH)
	$(BIN)/python benchmarks/steps.py $(BENCH)
	$(BIN)/python benchmarks/tagging.py $(BENCH)
	$(BIN)/python benchmarks/growth.py $(BENCH)
	$(BIN)/python benchmarks/whole.py $(BENCH)

# Whole runs of the size of a first reading; what the prefix cache, the order of batches and work that
# is left out do; what evaluation is made of.
bench-long: $(INSTALLED)
	$(BIN)/python benchmarks/whole.py --full $(BENCH)
	$(BIN)/python benchmarks/prefix.py $(BENCH)
	$(BIN)/python benchmarks/order.py $(BENCH)
	$(BIN)/python benchmarks/dropout.py $(BENCH)
	$(BIN)/python benchmarks/unread.py $(BENCH)
	$(BIN)/python benchmarks/evaluation.py $(BENCH)

NEEDED := AlignFreeze needs Python 3.11 or later

# What is missing of Python, in a line; empty where nothing is.
define MISSING
if ! command -v '$(PYTHON)' > /dev/null; then echo 'there is no $(PYTHON), $(NEEDED)'; \
elif ! '$(PYTHON)' --version > /dev/null 2>&1; then echo '$(PYTHON) does not start, $(NEEDED)'; \
elif ! '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
echo "$(PYTHON) is $$('$(PYTHON)' --version 2>&1), $(NEEDED)"; \
elif ! '$(PYTHON)' -c 'import venv, ensurepip' 2> /dev/null; then \
echo '$(PYTHON) has no venv with pip (on Debian: apt-get install python3-venv)'; fi
endef
OTHER := another Python is named by "make $(or $(MAKECMDGOALS),run) PYTHON=python3.12"

$(INSTALLED): pyproject.toml constraints.txt
	$(if $(shell $(MISSING)),$(error $(shell $(MISSING)); $(OTHER)))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --editable examples/plugin
	touch $@

clean:
	rm -rf $(VENV) build site *.egg-info
