# The three commands of CONTRIBUTING.md, spelled out once.
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup check test

setup:
	python3 -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[offline,dev]'

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test:
	$(BIN)/pytest
