# Every target sets up what it needs, in $(VENV), and does so again only when requirements change.

PYTHON ?= python3
VENV ?= .venv
TASK ?= lane
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; v = sys.version_info; print("%d.%d.%d" % v[:3] * ((3, 10) <= v < (3, 14)))' 2>/dev/null)
CREATED := $(VENV)/.created-$(VERSION)
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PACKAGING := setup.py setup.cfg
NO_MUTATIONS := --ignore=test/engines/test_engines_trt_mutations.py

.DEFAULT_GOAL := help
.PHONY: help demo test distributions check format bench docs clean

help:  ## list the targets
	@echo 'unet_perception: make TARGET [PYTHON=python3.12]'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(RUN)  ## segment footage over real ROS 2; report in out/demo/ (TASK=grasp: a tabletop)
	@$(BIN)/python -m unet_perception demo --model $(TASK)

test: $(DEV)  ## run all tests
	@$(BIN)/python -m pytest

distributions:  ## run the tests on Humble's and Jazzy's Python and libraries, where installed
	@.ci/distribution humble 3.10 test/core test/engines $(NO_MUTATIONS)
	@.ci/distribution jazzy 3.12 test/core test/engines test/ros test/cli $(NO_MUTATIONS)

check: $(DEV)  ## formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(DEV)  ## put formatting and imports right
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: $(DEV)  ## measure, 12 minutes; JSON in out/bench/ (ONLY=overhead: that alone)
	@$(BIN)/python -m bench $(ONLY)

docs: $(DEV)  ## write the README's tables and the pictures anew
	@$(BIN)/python -m docs.tables
	@$(BIN)/python -m docs.picture
	@$(BIN)/python -m docs.performance
	@$(BIN)/python -m docs.architectures
	@$(BIN)/python -m docs.models

clean:  ## remove the environment and all that was made
	rm -rf $(VENV) .venv-humble .venv-jazzy build install log out *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(CREATED):
	@test -n '$(VERSION)' || { echo '$(PYTHON) is no Python 3.10 to 3.13; name one: make PYTHON=python3.12 …'; exit 2; }
	@echo 'creating $(VENV) with Python $(VERSION)'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --upgrade pip
	@touch $@

$(RUN): $(CREATED) requirements/base.txt requirements/ros.txt $(PACKAGING)
	@echo 'installing ROS 2 and the package into $(VENV) (once, a minute or two)'
	@$(PIP) -r requirements/base.txt -r requirements/ros.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements/test.txt requirements/train.txt requirements/bindings.txt
	@echo 'installing test tools and, on Python 3.11, torch'
	@$(PIP) -r requirements/test.txt -r requirements/train.txt
	@rm -rf $(VENV)/bindings
	@grep -v '^#' requirements/bindings.txt | while read -r pin; do \
	  $(PIP) --no-deps --target "$(VENV)/bindings/$${pin%%;*}" "$$pin" || exit 1; done
	@touch $@
