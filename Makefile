# Two commands on a fresh machine with Python 3.11 to 3.15 and make: `make run` serves, `make test` passes every test.
# Both do their own set-up, once; it is done again when a lock or pyproject.toml changes.

# For `make run`; left empty, the settings decide.
HOST ?=
PORT ?=
ARGS ?=
# For the set-up; left empty, the newest that is installed.
PYTHON ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --quiet

# Python keeps what it has compiled, whatever the environment says: the tests start it a thousand times, and pytest rewrites
# each test module in every worker.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test pytest check bench setup browser lock image sbom vendor clean

run: $(VENV)/run.stamp
	@exec $(BIN)/poolscope serve $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

# The checks run beside the tests, for type checking takes one CPU for half a minute; what they find fails the whole.
test: browser
	@$(MAKE) --no-print-directory --jobs=2 pytest check

# The tests alone, after the set-up. Many wait for processes of theirs, so there are more workers than the two CPUs that
# this is meant for.
pytest:
	@$(BIN)/python -m pytest --numprocesses 4 --dist loadfile

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup browser
	@set -e; for each in benchmarks/[a-z]*.py; do echo "== $$each"; $(BIN)/python "$$each"; done

setup: $(VENV)/dev.stamp

# Looks for the browser every time, for it may have gone since; found again, this takes a moment only.
browser: setup
	@$(BIN)/python tests/browser/provide.py $(VENV)/browser

# A stamp is written last, so that a set-up that was interrupted is done again.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	@python=$$(PYTHON='$(PYTHON)' .ci/python) && echo "Setting up $(VENV) with $$python, once ..." \
	  && { $(BIN)/python -c '' 2>/dev/null || "$$python" -m venv --clear $(VENV); }
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.lock
	@echo "Adding what the tests need, once ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# The newest versions that pyproject.toml allows; no index is named in the result.
lock: setup
	@$(PIP) install uv
	@$(COMPILE) --upgrade pyproject.toml -o requirements.lock
	@$(COMPILE) --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	@$(COMPILE) pyproject.toml --extra dask --extra loky --extra joblib -c requirements-dev.lock -o requirements-cluster.lock
	@$(COMPILE) --upgrade --group sbom -o .ci/sbom.lock

# The image, with what its labels say of it, and the list of what is inside, as the image has it.
image:
	@docker build --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' app/poolscope/__init__.py) \
	  --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null) --tag poolscope .

sbom: image
	@docker run --rm poolscope cat /opt/poolscope/sbom.cdx.json

# Fetches the browser's libraries again, as the manifest names them, by npm.
vendor: setup
	@$(BIN)/python .ci/vendor.py

clean:
	rm -rf $(VENV) build dist
