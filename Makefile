# Two commands: `make demo` shows what it does, `make test` proves that it works. `make bench` says what it costs.
# Works on a fresh Debian with Python 3.11+ and make; as root it installs the system packages itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := --headless -u 10 -r 2 -t 30s --only-summary

.PHONY: demo test fuzz bench bench-short soak check format clean system-packages

demo: $(VENV)/.run
	@$(BIN)/python -m loadkit.native
	$(BIN)/locust -f locustfile.py $(DEMO)

test: $(VENV)/.dev system-packages
	@$(BIN)/python -m loadkit.native
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# Every parser that reads the network, for a bounded time.
FUZZ_SECONDS ?= 60
fuzz: $(VENV)/.dev system-packages
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

bench: $(VENV)/.run
	@.ci/system-packages bench
	$(BIN)/python -m loadkit.native
	$(BIN)/python -m benchmarks.side_by_side

bench-short: $(VENV)/.run
	@.ci/system-packages bench
	$(BIN)/python -m loadkit.native
	$(BIN)/python -m benchmarks.side_by_side --short

soak: $(VENV)/.run
	@$(BIN)/python -m loadkit.native
	$(BIN)/python -m benchmarks.soak

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What the tests need beside Python packages; named, not forced, where we are not root.
system-packages:
	@.ci/system-packages

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: $(VENV)/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements.txt requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run

clean:
	rm -rf loadkit/native/built $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
