# The two commands of the README are `make run` and `make test`; both start from nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export KEDRO_DISABLE_TELEMETRY := 1

.PHONY: run test check format viz mlflow mlflow-sync clean

$(BIN)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable . --group dev
	touch $@

run: $(BIN)/installed  ## the demo study, from keywords to report: all of it, then only what changed
	$(BIN)/kedro run --runner=cosmop.runners.IncrementalRunner

test: $(BIN)/installed  ## every test that this machine can run
	$(BIN)/python -m pytest

check: $(BIN)/installed  ## format, lint, types, import contracts, fast tests
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not slow and not browser"

format: $(BIN)/installed
	$(BIN)/ruff format src tests benchmarks docs
	$(BIN)/ruff check --fix src tests benchmarks docs

viz: $(BIN)/installed  ## the flow in a browser, with previews
	$(BIN)/kedro viz run

mlflow: $(BIN)/installed  ## runs and models side by side; use the "Model training" view
	@echo "Open http://127.0.0.1:5000/#/experiments?workflowType=machine_learning"
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

mlflow-sync: $(BIN)/installed  ## send MLflow what it was not told while it was out of reach
	$(BIN)/python -m cosmop.tracking

clean:  ## forget the environment; data and results stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
