# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-postgres test-slow check docs messages bench bench-scale lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with clewline and all that the other targets need

# The stamp is written last, so that an interrupted set-up starts again.
$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; Clewline needs Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import platform, sys; sys.exit(sys.version_info < (3, 11) and "make: $(PYTHON) is Python " + platform.python_version() + "; Clewline needs 3.11 or newer (name one: make setup PYTHON=python3.12)")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## run the main job on a made-up case and say where the files are
	$(BIN)/clewline demo

serve: setup ## open the desk on the made-up case of `make demo`
	$(BIN)/clewline desk serve --home demo/desk --store demo/store

test: setup ## run the tests, on every core (twenty minutes on two)
	$(BIN)/python -m pytest -n auto -m "not slow"

test-postgres: setup ## run the tests of the desk on a PostgreSQL of their own
	$(BIN)/python tools/postgres.py $(BIN)/python -m pytest -n auto -m "not slow" tests/desk --ignore tests/desk/browser

# pytest exits with 5 when it found no test to run.
test-slow: setup ## run the tests that take minutes
	$(BIN)/python -m pytest -n auto -m slow || [ $$? -eq 5 ]

check: setup ## format, lint, types, docstrings, licences, layers, vocabulary, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	find src -name '*.py' -exec $(BIN)/python -W ignore::UserWarning -m numpydoc lint {} +
	$(BIN)/python tools/licences.py
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest tests/test_layers.py tests/vocab

docs: setup ## write the generated pages again
	$(BIN)/python docs/generate.py

messages: setup ## write the file from which the desk is translated (needs gettext)
	$(BIN)/python tools/messages.py

bench: setup ## measure import, parsing, linking, clustering, look-ups, traces and exposure on a million transactions
	$(BIN)/python -m bench

bench-scale: setup ## import 1, 5 and 20 million transactions under limits on memory, cluster 50 million inputs (an hour, 40 GB of disk)
	$(BIN)/python -m bench.scale --to docs/growth.json
	$(BIN)/python docs/generate.py
	$(BIN)/python -m bench --only clustering --inputs 50000000

lock: setup ## resolve the dependencies again and write requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --all-extras --generate-hashes --no-annotate --upgrade \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove .venv and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
