# `make` alone lists what there is to do. Needs Go, and Python 3 for everything that runs Ansible; the rest is installed here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Each playbook module is a folder with a main.go and, beside it, the documentation that ansible-doc shows.
MODULE_DIRS := $(patsubst %/main.go,%,$(wildcard modules/*/*/main.go))
MODULES := $(notdir $(MODULE_DIRS))
# Static and without paths of this machine, so that one build runs on any host and two builds are the same.
GO_BUILD := CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w'
LOCK := .cache/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command 'make lock'
FUZZTIME ?= 20s
BENCH ?= .
BENCHCOUNT ?= 6
# The tests run against each of these.
ALERTA_VERSIONS := 9.1.0 9.0.4
# The plays of the collection run with each of these beside the one in .venv; the last two need Python 3.12.
CORE_VERSIONS := 2.16.19 2.17.14 2.18.19 2.20.10 2.21.5

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build each module into library/, ready to stand beside a playbook, and the collection for this machine into collections/
	@mkdir -p library
	@# What is no module any more must not stay callable.
	@cd library && find . -mindepth 1 -maxdepth 1 $(foreach m,$(MODULES),! -name $(m) ! -name $(m).yml) -exec rm -rf {} +
	$(GO_BUILD) -o library/ $(addprefix ./,$(MODULE_DIRS))
	@cp $(foreach d,$(MODULE_DIRS),$(d)/$(notdir $(d)).yml) library/
	@.ci/stage collections

.PHONY: generate
generate: ## write anew what Ansible reads about the modules: plugins/ and meta/runtime.yml
	go test ./modules/collection -run TestGeneratedFilesAreFresh -count 1 -update

.PHONY: collection
collection: generate .tools/licences venv ## build the tarball for Galaxy, with programs for Linux and macOS on x86-64 and arm64
	.ci/collection

.PHONY: molecule
molecule: collection emulator alerta ## run the Molecule scenarios with the collection installed from its tarball
	.ci/molecule

.PHONY: test-collection
test-collection: collection ## have ansible-test sanity, galaxy-importer, ansible-lint and antsibull-docs judge the tarball
	.ci/judges

.PHONY: emulator
emulator: ## build the vendors' emulator into .tools/ (Ansible would take it for a module in library/)
	$(GO_BUILD) -o .tools/emulator ./pkg/emulator/cmd/emulator

.PHONY: demo
demo: build emulator venv ## run the playbooks against the emulator: create, leave alone, update, delete
	playbooks/demo.sh

.PHONY: test
test: tools ## run everything: vet, tests with real Ansible, coverage, linters
	.ci/test

.PHONY: lint
lint: lint-go lint-ansible ## run golangci-lint, ansible-lint and yamllint

.PHONY: lint-go
lint-go: tools
	GOLANGCI_LINT_CACHE=$(CURDIR)/.cache/golangci-lint .tools/golangci-lint run ./...

.PHONY: lint-ansible
lint-ansible: build venv
	.venv/bin/yamllint --strict .
	PATH="$(CURDIR)/.venv/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/collections .venv/bin/ansible-lint --nocolor

.PHONY: cover
cover: tools build venv ## run the Go tests and fail under 90 % coverage
	STACKWATCH_REQUIRE_ANSIBLE=1 .ci/go-test
	.ci/coverage .cache/coverage.out 90

.PHONY: bench
bench: tools ## run the benchmarks (BENCH=regexp) and compare with the run before
	@mkdir -p .cache
	@if [ -e .cache/bench.txt ]; then mv .cache/bench.txt .cache/bench-before.txt; fi
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) ./... | tee .cache/bench.txt
	.tools/benchstat $$(ls .cache/bench-before.txt 2>/dev/null) .cache/bench.txt

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz' --include='*_test.go' pkg modules | while read -r file; do \
		for target in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$$file" | cut -d' ' -f2); do \
			echo "== $$target in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null; \
		done; \
	done

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf library collections .venv .tools .cache

.PHONY: tools
tools: .tools/golangci-lint .tools/licences ## build the pinned Go tools

# Their module is apart, because the linter's hundreds of dependencies would raise the versions that the suite itself is built on.
.tools/golangci-lint: .ci/tools/go.mod .ci/tools/go.sum
	@echo "building the Go tools; the first time takes a minute or two"
	@cd .ci/tools && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w' -o $(CURDIR)/.tools/ tool
	@touch $@

# By itself, because who only builds the collection needs no linter.
.tools/licences: .ci/tools/go.mod .ci/tools/go.sum $(wildcard .ci/tools/*/*.go)
	@cd .ci/tools && CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w' -o $(CURDIR)/.tools/ ./licences
	@touch $@

.PHONY: venv
venv: ## make .venv from the locked list of Python tools
	.ci/venv

.PHONY: alerta
alerta: ## install Alerta's versions for tests into .cache/alerta/ from their locked lists
	@for version in $(ALERTA_VERSIONS); do .ci/venv .cache/alerta/$$version .ci/alerta-$$version.txt; done

.PHONY: cores
cores: ## install the other versions of ansible-core for tests into .cache/core/ from their locked lists
	@for version in $(CORE_VERSIONS); do \
		.ci/venv .cache/core/$$version .ci/core-$$version.txt || [ $$? = 3 ] || exit 1; \
	done

.PHONY: core-versions
core-versions:
	@echo $(CORE_VERSIONS)

.PHONY: lock
lock: ## renew the locked lists of Python packages from the .in files in .ci
	python3 -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	for list in requirements judges; do $(LOCK) --output-file .ci/$$list.txt .ci/$$list.in; done
	for version in $(ALERTA_VERSIONS); do \
		echo "alerta-server==$$version" | $(LOCK) --output-file .ci/alerta-$$version.txt .ci/alerta.in -; \
	done
	for version in $(CORE_VERSIONS); do \
		python=3.11; case $$version in 2.16.*|2.17.*|2.18.*) ;; *) python=3.12 ;; esac; \
		echo "ansible-core==$$version" | .cache/uv/bin/uv pip compile --quiet --universal --python-version $$python --generate-hashes --upgrade \
			--custom-compile-command 'make lock' --output-file .ci/core-$$version.txt -; \
	done
