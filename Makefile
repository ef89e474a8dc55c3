# `make quickstart` and `make test` are all a fresh machine needs; both install first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install quickstart test lint types docs-test clean

install: $(STAMP)

$(STAMP): pyproject.toml setup.py $(wildcard mmdet/ops/csrc/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "python3 cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-build-isolation -e '.[test]'
	@# a reference that tests compare with; what it depends on is there, but for a second OpenCV, which would hide the first
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'trackeval>=1.3'
	PYTHON=$(BIN)/python bash compile.sh $(if $(shell command -v nvidia-smi),,--cpu-only) || echo "kernels not built: the same operators run in plain PyTorch"
	@touch $@

quickstart: $(STAMP)
	$(BIN)/python tools/quickstart.py --work-dir work_dirs/quickstart

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

docs-test: $(STAMP)
	$(BIN)/python -m pytest -q tests/docs

test: lint types
	$(BIN)/python -m pytest -q -n 2

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
