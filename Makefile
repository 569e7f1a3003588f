# Every target makes the environment in .venv first; the second time that takes no time.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: install demo test lint types docs site bench clean

install: .venv/.developing

# What restoring needs, and nothing else: a fifth of what developing does, PyTorch apart.
.venv/.restoring: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/.developing: .venv/.restoring
	$(PIP) --editable '.[dev]'
	touch $@

# Restores the small photograph in docs/pictures and puts it beside its enlargement by bicubic.
demo: .venv/.restoring
	mkdir -p demo
	$(BIN)/restoreflow sr docs/pictures/dog.png -o demo/ --samples 4 --uncertainty --overwrite
	$(BIN)/python docs/before_after.py docs/pictures/dog.png demo/dog_sr4x_1.png demo/before_after.png
	@echo "result:           demo/dog_sr4x_1.png (and three more samples beside it)"
	@echo "before and after: demo/before_after.png"

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/pyright

# Writes the pages that are generated: docs/cli.md from --help, docs/api.md from docstrings,
# docs/records.* from types.
docs: install
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_api.py
	$(BIN)/python docs/generate_records.py

# The documentation as a website, in site/; a broken link or reference fails.
site: .venv/.restoring
	$(PIP) --editable '.[docs]'
	$(BIN)/mkdocs build --strict

bench: install
	$(PIP) --editable '.[bench]'
	$(BIN)/python benchmarks/spline.py

clean:
	rm -rf .venv demo dist build site
