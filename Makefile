# Two commands to know: make demo, make test. Both start from make install.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PINS := -c constraints.txt

.PHONY: install demo test check bench wheel clean

install: .venv/installed

NATIVE := hatch_build.py $(wildcard moddefense/lexicon/native/*.[ch] moddefense/lexicon/native/*.inc) \
  $(wildcard moddefense/native/*.[ch])

.venv/installed: pyproject.toml constraints.txt $(NATIVE)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  "Python 3.11 to 3.13 is needed, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv .venv
	$(PIP) install $(PINS) -e '.[test,check]'
	@touch $@

demo: install
	@mkdir -p out
	$(BIN)/moddefense screen examples/comments.csv -o out/decisions.jsonl --include-text
	@echo "Decisions: out/decisions.jsonl; what they rest on: out/decisions.jsonl.manifest.json"

test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(PIP) install $(PINS) -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/run.py

wheel: install
	$(BIN)/python -m build --wheel -o dist .

clean:
	rm -rf .venv out dist build
