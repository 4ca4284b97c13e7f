# One verb per chore. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv/bin/python
NAME   ?=
ADDR   ?= 127.0.0.1:8000

.DEFAULT_GOAL := help
.PHONY: help serve test site record check run new bench lock format clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## The site on http://127.0.0.1:8000, reloaded as you write
	@$(PYTHON) -m fieldguide.bootstrap site
	@$(VENV) -m fieldguide.site serve --address $(ADDR)

test: ## Every check: format, types, snippets, pages, the built site in a browser
	@$(PYTHON) -m fieldguide.bootstrap suite
	@$(VENV) -m fieldguide.suite

site: ## Build the site into site/, strictly
	@$(PYTHON) -m fieldguide.bootstrap site
	@$(VENV) -m fieldguide.site build

run: ## Run a page's examples:        make run NAME=inference/kv-cache
	@$(PYTHON) -m fieldguide run $(NAME)

check: ## Verify one trio, or all:       make check NAME=inference/kv-cache
	@$(PYTHON) -m fieldguide check $(NAME)

record: ## Rewrite recorded outputs:      make record NAME=inference/kv-cache
	@$(PYTHON) -m fieldguide record $(NAME)

new: ## Begin a page from a template:  make new NAME=inference/my-page
	@$(PYTHON) -m fieldguide new $(NAME)

bench: ## Build seconds, suite seconds, page weights, calculators in a browser
	@$(PYTHON) -m fieldguide.bootstrap suite
	@$(VENV) -m fieldguide.bench

lock: ## Compile requirements/*.in into the locks
	@$(PYTHON) -m fieldguide.bootstrap lock

format: ## Format and sort the Python code
	@$(PYTHON) -m fieldguide.bootstrap test
	@$(VENV) -m ruff check --fix --quiet . && $(VENV) -m ruff format --quiet .

clean: ## Remove what can be made again, the environments included
	rm -rf .venv .venv-* node_modules site .cache overrides/vendor overrides/assets/cards
