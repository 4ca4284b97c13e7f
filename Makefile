# One verb per chore. `make` alone lists them.
PYTHON ?= python3
FIELDGUIDE := $(PYTHON) -m fieldguide
NAME   ?=
AREA   ?=
ADDR   ?= 127.0.0.1:8000

.DEFAULT_GOAL := help
.PHONY: help serve test site record check run new rules bench lock format clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## The site on http://127.0.0.1:8000, reloaded as you write
	@$(FIELDGUIDE) serve --address $(ADDR)

test: ## Run every check, or an area's:  make test AREA=rl
	@$(FIELDGUIDE) test $(if $(AREA),--area $(AREA))

site: ## Build the site into site/, strictly
	@$(FIELDGUIDE) build

run: ## Run a page's examples:          make run NAME=inference/kv-cache
	@$(FIELDGUIDE) run $(NAME)

check: ## Say what CI will say of a page: make check NAME=inference/kv-cache
	@$(FIELDGUIDE) check $(NAME)

record: ## Write outputs and figures:      make record NAME=inference/kv-cache
	@$(FIELDGUIDE) record $(NAME)

new: ## Begin a page:                   make new NAME=inference/my-page
	@$(FIELDGUIDE) new $(NAME)

rules: ## Print the rules for pages
	@$(FIELDGUIDE) rules

bench: ## Build seconds, page weights, calculators in a browser, against their targets
	@$(FIELDGUIDE) bench

lock: ## Compile requirements/*.in into the locks
	@$(FIELDGUIDE) lock

format: ## Format and sort the Python code
	@$(FIELDGUIDE) format

clean: ## Remove what can be made again, the environments included
	rm -rf .venv .venv-* node_modules site .cache overrides/vendor
