# Every target is a verb of script/. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup build run serve ui-dev test fault conformance lint format asan tsan fuzz bench bench-micro bench-quick bench-growth soak install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## install what building, testing and linting need (Debian 12; root or sudo)
	@script/setup build test lint bench

build: ## build/release/quarterdeck
	@script/setup build
	@script/build release quarterdeck

run: ## build, start the server and watch it repair the sample repository (PORT=4096)
	@script/setup build
	@script/build release quarterdeck
	@script/run-demo

serve: ## build and start the server on 127.0.0.1:4096 (PORT=, HOST=)
	@script/serve

ui-dev: ## the web interface with hot reload, on a running server (SERVER=http://127.0.0.1:4096, UI_PORT=5173)
	@script/ui_dev

test: ## everything: layers, unit tests, real clients, faults
	@script/test

fault: ## kill the server at random and at named moments, and count broken promises (ARGS="--seed 7 --rounds 50 --peer opencode")
	@script/fault $(ARGS)

conformance: ## call every operation of OpenCode's API and compare the answers with its document (DOC=file or URL)
	@script/conformance $(if $(DOC),--document $(DOC))

lint: ## layers, formatting and clang-tidy on what you changed (ALL=1 for the whole tree)
	@script/lint $(if $(ALL),--all)

format: ## clang-format what you changed (ALL=1 for the whole tree)
	@script/format $(if $(ALL),--all)

asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@script/test asan

tsan: ## all tests under ThreadSanitizer
	@script/test tsan

fuzz: ## every fuzz target for SECONDS=30 each (TARGETS="json shell" for some)
	@script/fuzz --seconds $(or $(SECONDS),30) $(TARGETS)

bench: ## the whole table, A B A B against OpenCode (PAIRS=2, MEASURES="turn relay", PEER= for ours alone)
	@script/bench

bench-micro: ## times of the hot paths, one by one
	@script/bench_micro

bench-quick: ## fail when a hot path executes clearly more instructions than it did (seconds, any machine)
	@script/bench_quick

bench-growth: ## how cost grows with sessions, messages, subscribers and projects
	@script/build release quarterdeck loadgen
	@bench/growth

soak: ## ten minutes of turns, connections and aborts: memory must stay flat (SECONDS=600)
	@script/build release quarterdeck loadgen
	@bench/soak --seconds $(or $(SECONDS),600)

install: build ## install into PREFIX=/usr/local (DESTDIR= for packages)
	@script/install

clean: ## remove build/ (ccache keeps the next build fast)
	@rm -rf build
