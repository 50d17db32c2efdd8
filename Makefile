# From a bare Debian 12 or 13 with make and git:
#   make build    the program, build/release/bin/starnest
#   make demo     the program, then examples/demo.sh on the model that ships with the project
#   make test     everything: lint, all tests, the unit tests under the address and undefined-behaviour sanitizers
#                 (built with clang, all else with g++), the engine's tests under the thread sanitizer, and every fuzz
#                 target for 30 seconds
#   make model    models/reasoner again, from nothing; MODEL=DIR: the one of another recipe
#   make interop  the committed outputs of other programs, made again and compared
#   make lint | format | clean
# Missing Debian packages are installed (with sudo unless root), Python packages go into .venv.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory
JOBS := $(shell nproc)
LINT := .venv/bin/python tools/lint/lint.py
CTEST := ctest --output-on-failure --no-tests=error --parallel $(JOBS)

.PHONY: build demo test model configured lint unit-sanitized threads-sanitized fuzz interop format clean

# An existing configuration, with tests or without, is left as it is.
build:
	@tools/setup/install_packages.sh engine
	@[[ -f build/release/build.ninja ]] || tools/setup/configure.sh release -DSTARNEST_TESTS=OFF
	@cmake --build build/release --target starnest

demo: build
	@bash examples/demo.sh

configured:
	@tools/setup/install_packages.sh engine train tests
	@tools/setup/python_env.sh tools/lint/requirements.txt
	@tools/setup/configure_tests.sh

test: configured
	@cmake --build build/release
	@$(LINT)
	@$(MAKE) fuzz
	@$(MAKE) threads-sanitized
	@$(MAKE) unit-sanitized
	@$(CTEST) --test-dir build/release

unit-sanitized:
	@tools/setup/configure_sanitized.sh
	@cmake --build build/asan --target unit_tests
	@$(CTEST) --test-dir build/asan --label-regex '^unit$$'

# What runs on several threads.
threads-sanitized:
	@tools/setup/configure.sh tsan -DSTARNEST_TESTS=ON -DSTARNEST_TRAIN=OFF
	@cmake --build build/tsan --target kernels_test engine_test generate_test nesting_test
	@for test in kernels engine generate nesting; do build/tsan/bin/$${test}_test --gtest_brief=1 --gtest_filter=-*Death*; done

fuzz:
	@tools/setup/fuzz.sh 30

# About an hour and a half; goes on where it was stopped.
model: configured
	@cmake --build build/release --target starnest_train
	@tools/make_model.sh $(or $(MODEL),models/reasoner)

interop: build
	@tools/setup/install_packages.sh tests
	@tools/setup/python_env.sh tools/requirements.txt
	@.venv/bin/python tools/oracle/check_interop.py

lint: configured
	@$(LINT)

format:
	@tools/setup/install_packages.sh tests
	@tools/setup/python_env.sh tools/lint/requirements.txt
	@$(LINT) --fix --format-only

clean:
	@rm -rf build .cache
