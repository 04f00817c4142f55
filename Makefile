# Everything sets itself up in .venv: python3, python3-venv, make and git are enough.

VENV := .venv
PYTHON ?= python3
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

# Compiled modules are kept, whatever the environment says: tests start the program a thousand times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-long compile-tests lint bench docs screenshots dist deb clean

# The demo: a store with shoppers, an ERP that fits it, a daemon, and the TUI.
demo: $(VENV)/.installed
	$(VENV)/bin/chansync demo

# All tests but the long ones. More than half of a test's time is waiting, so that processors are busy with 5 workers for 2.
WORKERS ?= $(shell echo $$(( 5 * $$(nproc) / 2 )))
PYTEST := $(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --dist load --maxschedchunk 2

test: $(VENV)/.installed-dev
	$(PYTEST) -m "not long"

# What takes long and covers little that no other test does; CI runs it too.
test-long: $(VENV)/.installed-dev
	$(PYTEST) -m long

# Pytest rewrites the tests once, where no run has yet: otherwise each worker of the first one does.
compile-tests: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest --collect-only -qq > /dev/null

# What CI checks beside the tests.
lint: $(VENV)/.installed-dev
	@! git grep -nE '^(<{7}|>{7}|={7}|\|{7})( |$$)' || { echo "There are merge-conflict markers."; exit 1; }
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy src daemon tui
	$(VENV)/bin/lint-imports

# Speed, as ratios to a floor measured in the same run.
bench: $(VENV)/.installed-dev
	$(VENV)/bin/python -m tests.benchmarks

# The parts of docs/ that are made from the program.
docs: $(VENV)/.installed-dev
	$(VENV)/bin/python docs/generate.py

# The pictures of docs/images, exported from the program.
screenshots: $(VENV)/.installed-dev
	$(VENV)/bin/python docs/screenshots.py

# The wheel and the source distribution, as an index takes them.
dist: $(VENV)/.installed-dev
	rm -rf dist
	$(VENV)/bin/python -m build --no-isolation
	$(VENV)/bin/twine check --strict dist/*

# The Debian package, for the release that this machine runs; daemon/debian/build says what it needs.
deb: dist
	daemon/debian/build dist/chansync-*.tar.gz dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable . --group dev
	$(VENV)/bin/python -m compileall -q src daemon tui
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
