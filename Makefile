# Each target installs what it lacks (.ci/setup) and nothing more.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.NOTPARALLEL:
.PHONY: help run build web test test-web test-clients test-go test-full lint check bench chaos soak

page := web/dist/index.html
page_sources := $(shell find web/src web/public web/resume/src -type f 2>/dev/null) \
	$(wildcard web/index.html web/audit.html web/package-lock.json web/tsconfig.json web/vite.config.ts web/resume/*.json)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

run: build ## start the demo: a real build, live in a browser (ARGS="-- COMMAND …" for another one)
	@exec bin/buildrelay demo $(ARGS)

build: web ## build bin/buildrelay with the page inside
	@.ci/setup go
	@go build -o bin/buildrelay ./cmd/buildrelay

web: $(page)

$(page): $(page_sources)
	@.ci/setup node web
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

test: ## run the tests, in at most 15 minutes
	@.ci/setup go node web clients redis nginx postgres iproute systemd openssl chromium
	@$(MAKE) web test-web test-clients test-go

test-web:
	@cd web && npm test --silent

test-clients:
	@cd relay/relaytest/clients && npm test --silent

test-go:
	@go test -race -shuffle=on -vet=off -parallel 4 -timeout 40m ./... # many tests wait for time to pass

test-full: export RELAY_TEST_FULL := 1
test-full: ## run the tests with every client version, and the Dockerfile's steps
	@.ci/setup go node web
	@.ci/check-docker --build
	@$(MAKE) test

lint: ## check the style, the layers, the container files and the manifests
	@.ci/setup go node web lint
	@bin/golangci-lint run
	@cd web && npm run --silent lint
	@.ci/check-docker
	@.ci/check-kubernetes

check: lint test ## all that CI checks

bench: ## measure fan-out and connections (ARGS="-h" for what can be chosen)
	@.ci/setup go
	@go run ./relay/relaytest/bench $(ARGS)

chaos: ## run several nodes through faults (ARGS="MINUTES SEED,SEED" for how long each seed runs; 3 minutes, any seed)
	@.ci/setup go redis iproute
	@set -- $(ARGS); RELAY_CHAOS=$${1:-3} RELAY_CHAOS_SEEDS=$${2:-} \
		go test ./relay/relaytest/chaos -run 'TestChaos$$' -v -count=1 -timeout 0

soak: ## look whether nodes give back what they took (ARGS="MINUTES", 20)
	@.ci/setup go redis
	@RELAY_SOAK=$(or $(ARGS),20) go test ./relay/relaytest/chaos -run 'TestSoak$$' -v -count=1 -timeout 0
