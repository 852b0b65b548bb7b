# The two commands of the README are `make demo` and `make test`. Each sets up all that it needs.
.PHONY: demo test test-slow check docs site format clean

BIN := .venv/bin
SANDBOX ?= auto

demo:  ## improve a small language model on this machine, offline, in about three minutes
	@dev/setup demo
	@$(BIN)/move37 demo bpb --sandbox $(SANDBOX)

test:  ## the quick tests
	@dev/setup dev
	$(BIN)/pytest -n 2

test-slow:  ## the long ones: chaos, soak, the whole demo
	@dev/setup dev
	$(BIN)/pytest -n 2 --dist worksteal --durations 20 -m slow

check:  ## format, lint, types, architecture
	@dev/setup dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs:  ## write again what is generated in docs/
	@dev/setup dev
	$(BIN)/python -m move37.faces.cli.docs

site:  ## build the documentation as a site, in site/
	@dev/setup dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -q

format:
	@dev/setup dev
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
