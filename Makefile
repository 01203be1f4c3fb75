# The front door. `make demo` and `make test` need Debian with Node 20, npm and make, nothing else:
# npm brings the Node this project runs on and a PostgreSQL.

.POSIX:
.PHONY: help demo test check types lint rules knip advisories bench mutations figures install clean

# Tools and `node` come from node_modules, so that an older Node of the system is not used.
IN_PROJECT = PATH="$(CURDIR)/node_modules/.bin:$$PATH"
INSTALLED = node_modules/.package-lock.json

help:
	@echo 'make demo        a running Patchbay with an emulated Microsoft 365 (ONCE=1: one pass, then stop)'
	@echo 'make test        every check and every test'
	@echo 'make check       types, format, repository rules, unused code'
	@echo 'make bench       measurements; NAME=... for one of them'
	@echo 'make figures     runs what proves our promises and writes docs/figures.md'
	@echo 'make advisories  asks the registry for known faults of the dependencies'
	@echo 'make mutations   takes each defence out once and sees its test fail; NAME=... for some'

install: $(INSTALLED)

# npm writes this file last; its time says whether the installation is as new as the lock file.
$(INSTALLED): package-lock.json
	npm ci
	@touch $(INSTALLED)

demo: $(INSTALLED)
	@$(IN_PROJECT) node bin/patchbay.js demo $${ONCE:+--once}

# Embedded PostgreSQL for everything; the database tests once more on PostgreSQL 15, the oldest
# supported, where Debian has installed it. The repository rules are among the tests. What became
# known of dependencies since is told, and does not fail a commit that has not changed.
test: $(INSTALLED)
	-@$(MAKE) --no-print-directory advisories
	@$(MAKE) --no-print-directory -j2 -O types lint knip
	@$(IN_PROJECT) PATCHBAY_TEST_POSTGRES=both vitest run

check: $(INSTALLED)
	@$(MAKE) --no-print-directory -j2 -O types lint rules knip

types: $(INSTALLED)
	@$(IN_PROJECT) tsc -p tsconfig.json

lint: $(INSTALLED)
	@$(IN_PROJECT) biome check .

rules: $(INSTALLED)
	@$(IN_PROJECT) vitest run --reporter=dot test/rules

knip: $(INSTALLED)
	@$(IN_PROJECT) knip

# Known faults of the dependencies, where the registry can be asked.
advisories: $(INSTALLED)
	@$(IN_PROJECT) node test/advisories.ts

bench: $(INSTALLED)
	@$(IN_PROJECT) node bench/main.ts $(NAME)

# NAME is an id, or a part of the path of a test or of the source.
mutations: $(INSTALLED)
	@$(IN_PROJECT) node test/mutate.ts --jobs 2 $(NAME)

# Every test that proves a line of the list, in its full size: the better part of an hour. NAME is a
# part of the path of the tests to be run again; the others are taken from the run before.
figures: $(INSTALLED)
	@$(IN_PROJECT) node test/figures/make.ts $(NAME)

# Also ends the PostgreSQL that tests keep running, so that the next run begins at once.
clean:
	@if [ -d node_modules ]; then $(IN_PROJECT) node test/store/stopServers.ts; fi
	rm -rf node_modules .data
