# make demo   a cascade rehearsed, and a real family's matrix    make test   every check and test
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3.11
# Hundreds of processes import the same code: each would compile it again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: demo test tests test-unit test-long test-live coverage lint format setup lock schema clean

# The world of the cascade begins anew each time, beside those of anybody else's rehearsals.
demo: setup
	$(BIN)/interlock rehearse cascade market-data-core --new --directory $(VENV)/demo
	$(BIN)/interlock matrix --upstream market-data-core --downstream market-data-pipeline --html report.html

# Style, types and the directions of imports are looked at beside the tests.
test: setup
	$(MAKE) --jobs=2 lint tests

# A file's tests share what its fixtures make, so a file is one worker's (tests/conftest.py). What they import is compiled
# before: four workers that begin together would each compile all of it.
tests: setup
	$(BIN)/pytest --collect-only -qq >/dev/null
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder $(COV)

# The pure ones alone.
test-unit: setup
	$(BIN)/pytest -n 2 tests/unit

# All that the gate leaves out or takes a part of: random faults and kills, what waits for long, examples at random.
test-long: setup
	$(BIN)/pytest -n 2 $(LONG) tests/integration $(COV)
	$(BIN)/pytest $(LONG) --ignore tests/integration $(COV)
	$(BIN)/pytest -n 2 -m "hypothesis and not live and not long" --hypothesis-profile long $(COV)
LONG := -m long -o timeout=1800 -o faulthandler_timeout=2400

# Tracing costs a third more, so the gate does without; this is the gate and the long tests, with every process they start.
coverage: setup
	$(BIN)/coverage erase
	$(MAKE) tests test-long COV="--cov --cov-append --cov-report="
	$(BIN)/coverage report

# The same against the real package index; not part of the gate, which stays hermetic.
test-live: setup
	$(BIN)/pytest -m live

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

setup: $(VENV)/.installed

# pip installs only uv, at the version and with the hashes of the lock; uv installs the rest of it.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^ *# via/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement $(VENV)/uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# A new lock, as of a day: make lock DAY=2026-11-15
DAY ?= $(shell date --utc +%F)
lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --exclude-newer $(DAY) \
	  --group dev --extra rehearsal pyproject.toml --no-header --output-file requirements.lock $(LOCK)

# The JSON Schemas for editors and readers of reports, from the models.
schema: setup
	$(BIN)/interlock family schema > docs/family.schema.json
	$(BIN)/python -c "from interlock.reports import schema_text; print(schema_text(), end='')" > docs/matrix.schema.json
	$(BIN)/python -c "from interlock.reports import contracts_schema_text; print(contracts_schema_text(), end='')" > docs/contracts.schema.json

clean:
	rm -rf $(VENV) report.html .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
