# Every target makes the environment it needs from uv.lock. Another interpreter: make test PYTHON=python3.13
PYTHON ?= python3
TESTS ?= tests
ARGS ?=
BOARD ?= pc
# Many tests wait for processes that they started: one worker more than there are processors keeps these busy.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

ifeq ($(notdir $(PYTHON)),python3)
VENV ?= .venv
else
VENV ?= .venv-$(patsubst python%,%,$(notdir $(PYTHON)))
endif
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint panel emulator image image-test clean env env-run

help:
	@echo 'make demo [ARGS=--once]       the sandbox and a gateway, real documents through every door'
	@echo 'make test [TESTS=tests/cda]   the tests, with what they need installed first'
	@echo 'make bench                    the figures, printed and written to bench.json'
	@echo 'make lint                     ruff, mypy, import contracts'
	@echo 'make image [BOARD=pc]         the flashable image, root needed: build/image/pc/disk.img'
	@echo 'make image-test               the image built, booted in a virtual machine and used'
	@echo 'make panel [SERIAL=...]       the image of the front panel: firmware/panel/board/build/panel.uf2'
	@echo 'make clean                    removes environments and caches'
	@echo 'PYTHON=python3.13 chooses another interpreter, with an environment of its own.'

env-run:
	@.ci/bootstrap $(PYTHON) $(VENV) run

env:
	@.ci/bootstrap $(PYTHON) $(VENV) dev

demo: env-run
	@.ci/packages debian-packages.txt
	@$(BIN)/python -m gateway.sandbox.demo $(ARGS)

test: env emulator
	@.ci/packages debian-packages.txt tests/debian-packages.txt
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup $(TESTS)

bench: env
	@.ci/packages debian-packages.txt tests/debian-packages.txt
	$(BIN)/python -m tests.bench $(ARGS)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

image: env
	@.ci/packages image/debian-packages.txt
	$(BIN)/python -m image.build $(BOARD)

image-test: env
	@.ci/packages image/debian-packages.txt
	$(BIN)/python -m pytest -s image/tests

panel:
	@$(MAKE) --no-print-directory -C firmware/panel/board

emulator:
	@.ci/node tests/firmware/panel/emulator

clean:
	rm -rf .venv .venv-* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist bench.json
	rm -rf firmware/panel/board/build tests/firmware/panel/emulator/node_modules
	find firmware gateway provisioning tests -name __pycache__ -type d -prune -exec rm -rf {} +
