# Two commands on a fresh machine: `make demo` and `make test`. Each step leaves a stamp whose name
# holds a digest of what the step read, so that it runs again exactly when that has changed.

VENV := .venv
COLCON_VENV := .venv-colcon
BIN := $(VENV)/bin
# A Python 3.11 to 3.14; empty: the first one found.
PYTHON ?=
# Handed to `dexgrasp demo`, such as ARGS=--headless; PYTEST_ARGS to pytest. PICTURES: which ones.
ARGS ?=
PYTEST_ARGS ?=
# Processes that run tests, two for a core: half of them wait for nodes. No more than eight, of
# half a gigabyte or more each. A file stays in one of them, with what its tests share. Linear
# algebra in several threads would only wait for a core.
TEST_PROCESSES ?= $(shell n=$$((2 * $$(nproc))); echo $$((n < 8 ? n : 8)))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile \
    --no-loadscope-reorder
PICTURES ?=

PIP := -m pip --disable-pip-version-check --quiet

ifneq ($(ROS_DISTRO),)
$(error A ROS environment is sourced (ROS_DISTRO=$(ROS_DISTRO)). Build this package with colcon in a \
    workspace, as README.md says, or run make in a shell without it)
endif
unexport PYTHONPATH
# What is compiled is kept: else each node that a test starts compiles all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

digest = $(shell sha256sum $(1) 2>&1 | sha256sum | cut -c1-16)
files = $(sort $(shell find $(1) -type f -not -path '*/build/*' -not -path '*.egg-info/*' \
    -not -name '*.pyc' 2>/dev/null))

PINS := $(call files,msg/pip/*requirements.txt)
INTERFACES := $(call files,msg)
TREE := $(INTERFACES) CMakeLists.txt package.xml setup.cfg pyproject.toml requirements-colcon.txt \
    $(call files,config dexgrasp_ros launch rviz urdf test/client_package test/colcon test/core)

# A virtual environment knows its own path, so it is made anew when the folder has moved.
PLACE := $(shell echo '$(CURDIR)' | sha256sum | cut -c1-16)
MADE := $(VENV)/stamps/made.$(PLACE)
INSTALLED := $(VENV)/stamps/installed.$(call digest,pyproject.toml setup.py setup.cfg requirements-arms.txt requirements-cluster.txt requirements-dev.txt $(PINS))
DOCS_INSTALLED := $(VENV)/stamps/docs.$(call digest,requirements-docs.txt)
MESSAGES := $(VENV)/stamps/messages.$(call digest,$(INTERFACES))
KERNELS := $(VENV)/stamps/kernels.$(call digest,$(call files,dexgrasp_ros/kernels))
COLCON_MADE := $(COLCON_VENV)/stamps/made.$(PLACE)
COLCON_INSTALLED := $(COLCON_VENV)/stamps/installed.$(call digest,requirements-colcon.txt $(PINS))
COLCON_TESTED := $(COLCON_VENV)/stamps/tested.$(call digest,$(TREE))

# Replace the stamps of a step by its new one.
define stamp
@mkdir -p $(@D) && rm -f $(basename $@).* && touch $@
endef

.PHONY: help setup messages demo test test-all lint format pytest pytest-all coverage colcon docs pictures clean distclean
.DELETE_ON_ERROR:

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(INSTALLED) $(MESSAGES) $(KERNELS) $(COLCON_INSTALLED) ## make the environments of demo and tests: libraries, messages, kernels

messages: $(MESSAGES) ## build and install dexgrasp_msgs, if its files changed

demo: $(INSTALLED) $(MESSAGES) $(KERNELS) ## the whole ROS graph on one depth frame; ARGS are handed to `dexgrasp demo`
	$(BIN)/dexgrasp demo $(ARGS)

test: setup lint ## set up, lint, the tests that are not slow, and the colcon build with its tests
	@$(MAKE) --no-print-directory --jobs 2 pytest colcon

test-all: setup lint ## the same with the slow tests
	@$(MAKE) --no-print-directory --jobs 2 pytest-all colcon

lint: $(INSTALLED) ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(INSTALLED) ## mend style and formatting
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

pytest: $(INSTALLED) $(MESSAGES) $(KERNELS)
	$(PYTEST) $(PYTEST_ARGS)

pytest-all: $(INSTALLED) $(MESSAGES) $(KERNELS)
	$(PYTEST) --slow $(PYTEST_ARGS)

coverage: $(INSTALLED) $(MESSAGES) $(KERNELS) ## which lines and branches the tests run: out/coverage/index.html
	$(PYTEST) --cov --cov-report=term --cov-report=html:out/coverage $(PYTEST_ARGS)

colcon: $(COLCON_TESTED) ## build and test the tree and a client package of it with colcon

docs: $(MESSAGES) $(DOCS_INSTALLED) ## build the documentation as a site in out/site; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -c docs/site -d out/doctrees . out/site
	@echo 'The site begins at out/site/index.html'

pictures: $(INSTALLED) $(MESSAGES) $(KERNELS) ## make the pictures of the documents anew; PICTURES names some of them
	$(BIN)/python scripts/pictures.py $(PICTURES)

clean: ## remove what was built, keep the environments
	rm -rf build install log out dist docs/api msg/build *.egg-info msg/*.egg-info .pytest_cache \
	    .ruff_cache .hypothesis $(VENV)/stamps/messages.* $(COLCON_VENV)/stamps/tested.*
	find dexgrasp_ros test benchmark launch -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## remove the environments as well
	rm -rf $(VENV) $(COLCON_VENV)

$(MADE) $(COLCON_MADE):
	@echo 'Making $(firstword $(subst /, ,$@)) ...'
	@sh scripts/make_venv.sh $(firstword $(subst /, ,$@)) $(PYTHON)
	$(stamp)

$(INSTALLED): | $(MADE)
	@echo 'Installing the pinned dependencies into $(VENV) (1 GB at first) ...'
	@$(BIN)/python $(PIP) install -r msg/pip/build-requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python $(PIP) install --no-build-isolation -e '.[ros-wheels,dev]'
	@$(BIN)/python scripts/check_libraries.py
	$(stamp)

$(DOCS_INSTALLED): | $(INSTALLED)
	@echo 'Installing what builds the documentation into $(VENV) ...'
	@$(BIN)/python $(PIP) install -r requirements-docs.txt
	$(stamp)

$(MESSAGES): | $(INSTALLED)
	@echo 'Building dexgrasp_msgs (about a minute) ...'
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PIP) install --no-build-isolation --no-deps --no-index --force-reinstall ./msg
	$(stamp)

$(KERNELS): | $(INSTALLED)
	@echo 'Compiling the kernels (half a minute, once) ...'
	@$(BIN)/python scripts/compile_kernels.py
	$(stamp)

$(COLCON_INSTALLED): | $(COLCON_MADE)
	@echo 'Installing colcon and the wheels of ROS 2 into $(COLCON_VENV) ...'
	@$(COLCON_VENV)/bin/python $(PIP) install -r requirements-colcon.txt
	$(stamp)

$(COLCON_TESTED): | $(COLCON_INSTALLED)
	@sh scripts/colcon_test.sh $(COLCON_VENV)
	$(stamp)
