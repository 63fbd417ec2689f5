# Two commands on a fresh machine: `make demo` and `make test`. Each step leaves a stamp whose name
# holds a digest of what the step read, so that it runs again exactly when that has changed.

VENV := .venv
COLCON_VENV := .venv-colcon
KILTED_VENV := .venv-kilted
SUPPLY_VENV := .venv-supply
LEARNING_VENV := .venv-learning
BIN := $(VENV)/bin
# A Python 3.11 to 3.14; empty: the first one found.
PYTHON ?=
# Handed to `dexgrasp demo`, such as ARGS=--headless; PYTEST_ARGS to pytest. PICTURES: which ones.
ARGS ?=
PYTEST_ARGS ?=
# Empty: take the newest versions within the ranges of pyproject.toml instead of those of locks/.
LOCKED ?= yes
# Handed to `uv pip compile` by `make lock`, such as LOCK_ARGS=--upgrade.
LOCK_ARGS ?=
# Processes that run tests, two for a core: half of them wait for nodes. No more than eight, of
# half a gigabyte or more each. A file stays in one of them, with what its tests share. Linear
# algebra in several threads would only wait for a core.
TEST_PROCESSES ?= $(shell n=$$((2 * $$(nproc))); echo $$((n < 8 ? n : 8)))
PYTEST_OPTIONS := --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_OPTIONS)
PICTURES ?=

PIP := -m pip --disable-pip-version-check --quiet
# Nothing but what a lock names, with the bytes that it names. empy alone comes as source; what
# builds it is installed before, from a lock as well, else pip would fetch the newest.
INSTALL_LOCKED := install --require-hashes --no-build-isolation --only-binary :all: --no-binary empy -r

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
INSTALLED := $(VENV)/stamps/installed.$(call digest,pyproject.toml setup.py setup.cfg requirements-arms.txt requirements-cluster.txt requirements-gpu.txt requirements-learning.txt requirements-dev.txt $(PINS) $(if $(LOCKED),locks/build.txt locks/venv.txt))
DOCS_INSTALLED := $(VENV)/stamps/docs.$(call digest,requirements-docs.txt $(if $(LOCKED),locks/docs.txt))
MESSAGES := $(VENV)/stamps/messages.$(call digest,$(INTERFACES))
KERNELS := $(VENV)/stamps/kernels.$(call digest,$(call files,dexgrasp_ros/kernels))
COLCON_MADE := $(COLCON_VENV)/stamps/made.$(PLACE)
COLCON_INSTALLED := $(COLCON_VENV)/stamps/installed.$(call digest,requirements-colcon.txt $(PINS) $(if $(LOCKED),locks/build.txt locks/colcon.txt))
COLCON_MESSAGES := $(COLCON_VENV)/stamps/messages.$(call digest,$(INTERFACES))
KILTED_MADE := $(KILTED_VENV)/stamps/made.$(PLACE)
KILTED_INSTALLED := $(KILTED_VENV)/stamps/installed.$(call digest,pyproject.toml setup.py setup.cfg requirements-dev.txt requirements-kilted.txt $(if $(LOCKED),locks/build.txt locks/kilted.txt))
KILTED_MESSAGES := $(KILTED_VENV)/stamps/messages.$(call digest,$(INTERFACES))
SUPPLY_MADE := $(SUPPLY_VENV)/stamps/made.$(PLACE)
SUPPLY_INSTALLED := $(SUPPLY_VENV)/stamps/installed.$(call digest,requirements-supply.txt)
LEARNING_MADE := $(LEARNING_VENV)/stamps/made.$(PLACE)
LEARNING_INSTALLED := $(LEARNING_VENV)/stamps/installed.$(call digest,requirements-learning.txt $(if $(LOCKED),locks/learning.txt))
COLCON_TESTED := $(COLCON_VENV)/stamps/tested.$(call digest,$(TREE))

# Replace the stamps of a step by its new one.
define stamp
@mkdir -p $(@D) && rm -f $(basename $@).* && touch $@
endef

.PHONY: help setup messages demo test test-all test-again test-kilted test-learning lint format pytest pytest-all gpu-check coverage fuzz colcon docs pictures lock licences sbom clean distclean
.DELETE_ON_ERROR:

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(INSTALLED) $(MESSAGES) $(KERNELS) $(COLCON_MESSAGES) ## make the environments of demo and tests: libraries, messages, kernels

messages: $(MESSAGES) ## build and install dexgrasp_msgs, if its files changed

demo: $(INSTALLED) $(MESSAGES) $(KERNELS) ## the whole ROS graph on one depth frame; ARGS are handed to `dexgrasp demo`
	$(BIN)/dexgrasp demo $(ARGS)

test: setup lint ## set up, lint, the tests that are not slow, and the colcon build with its tests
	@$(MAKE) --no-print-directory --jobs 2 pytest colcon

test-all: setup lint ## the same with the slow tests
	@$(MAKE) --no-print-directory --jobs 2 pytest-all colcon

test-again: lint ## what failed the last time once more, one test after the other, and colcon if it failed
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --slow --last-failed --last-failed-no-failures none; \
	    code=$$?; \
	    if [ $$code -eq 5 ]; then echo 'No test of pytest had failed.'; else exit $$code; fi
	@$(MAKE) --no-print-directory colcon

test-kilted: $(KILTED_MESSAGES) ## build the interfaces with ROS 2 Kilted, and run the tests of bridge and nodes on it
	@$(KILTED_VENV)/bin/python scripts/compile_kernels.py
	OMP_NUM_THREADS=1 $(KILTED_VENV)/bin/python -m pytest $(PYTEST_OPTIONS) test/bridge test/nodes $(PYTEST_ARGS)

test-learning: $(LEARNING_INSTALLED) $(KERNELS) ## the tests of what trains, with PyTorch in an environment of its own (6 GB at first)
	OMP_NUM_THREADS=1 $(LEARNING_VENV)/bin/python -m pytest --numprocesses 0 test/learning $(PYTEST_ARGS)

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

gpu-check: $(INSTALLED) ## all that a first run on a GPU asks, in eight minutes at most: out/gpu_check.md; ARGS are handed on
	OMP_NUM_THREADS=1 $(BIN)/python benchmark/gpu_check.py $(ARGS)

coverage: $(INSTALLED) $(MESSAGES) $(KERNELS) ## which lines and branches the tests run: out/coverage/index.html
	$(PYTEST) --cov --cov-report=term --cov-report=html:out/coverage $(PYTEST_ARGS)

fuzz: $(INSTALLED) $(MESSAGES) $(KERNELS) ## 10,000 spoilt files for each reader, 1,000 messages for each way into a node, for hours; goes on where it was, and keeps what it finds in out/fuzz
	PYTHONPATH=test/fuzz:test/nodes:test/nodes/execution OMP_NUM_THREADS=1 $(BIN)/python test/fuzz/fuzz.py $(ARGS)

colcon: $(COLCON_TESTED) ## build and test the tree and a client package of it with colcon

docs: $(MESSAGES) $(DOCS_INSTALLED) ## build the documentation as a site in out/site; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -c docs/site -d out/doctrees . out/site
	@echo 'The site begins at out/site/index.html'

pictures: $(INSTALLED) $(MESSAGES) $(KERNELS) ## make the pictures of the documents anew; PICTURES names some of them
	$(BIN)/python scripts/pictures.py $(PICTURES)

# The site's environment holds all of `.venv`, so that it is resolved first and `.venv` keeps to it.
LOCK = $(SUPPLY_VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-annotate --custom-compile-command 'make lock' $(LOCK_ARGS)
LOCKED_FROM := pyproject.toml msg/pip/build-requirements.txt msg/pip/runtime-requirements.txt \
    requirements-dev.txt
# Kilted's environment has the same versions but those of ROS.
BUT_ROS := $(SUPPLY_VENV)/but-ros.txt

lock: $(SUPPLY_INSTALLED) ## write locks/: exact versions with hashes; LOCK_ARGS=--upgrade for the newest
	$(LOCK) $(LOCKED_FROM) requirements-docs.txt -o locks/docs.txt >/dev/null
	$(LOCK) $(LOCKED_FROM) -c locks/docs.txt -o locks/venv.txt >/dev/null
	echo setuptools | $(LOCK) - -c locks/docs.txt -o locks/build.txt >/dev/null
	$(LOCK) requirements-colcon.txt -o locks/colcon.txt >/dev/null
	sed -n 's/^\([a-z].*==.*[^ ]\) *\\$$/\1/p' locks/docs.txt | grep -v '^ros-' >$(BUT_ROS)
	$(LOCK) pyproject.toml requirements-kilted.txt requirements-dev.txt -c $(BUT_ROS) -o locks/kilted.txt >/dev/null
	$(LOCK) requirements-learning.txt -c locks/docs.txt -o locks/learning.txt >/dev/null

licences: $(DOCS_INSTALLED) $(COLCON_INSTALLED) ## check the licences of all dependencies; write docs/licences.md
	$(BIN)/python scripts/licences.py $(VENV) $(COLCON_VENV)

sbom: $(INSTALLED) $(SUPPLY_INSTALLED) ## what is installed, as CycloneDX: out/sbom.json
	@mkdir -p out
	$(SUPPLY_VENV)/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	    --output-file out/sbom.json $(BIN)/python
	@sed -i 's|file://$(CURDIR)|file://.|' out/sbom.json # the same in every folder

clean: ## remove what was built, keep the environments
	rm -rf build install log out dist docs/api msg/build *.egg-info msg/*.egg-info .pytest_cache \
	    .ruff_cache .hypothesis $(VENV)/stamps/messages.* $(COLCON_VENV)/stamps/messages.* \
	    $(COLCON_VENV)/stamps/tested.* $(KILTED_VENV)/stamps/messages.*
	find dexgrasp_ros test benchmark launch -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## remove the environments as well
	rm -rf $(VENV) $(COLCON_VENV) $(KILTED_VENV) $(SUPPLY_VENV) $(LEARNING_VENV)

$(MADE) $(COLCON_MADE) $(KILTED_MADE) $(SUPPLY_MADE) $(LEARNING_MADE):
	@echo 'Making $(firstword $(subst /, ,$@)) ...'
	@sh scripts/make_venv.sh $(firstword $(subst /, ,$@)) $(PYTHON)
	$(stamp)

$(INSTALLED): | $(MADE)
	@echo 'Installing the pinned dependencies into $(VENV) (1 GB at first) ...'
ifneq ($(LOCKED),)
	@$(BIN)/python $(PIP) $(INSTALL_LOCKED) locks/build.txt
	@$(BIN)/python $(PIP) $(INSTALL_LOCKED) locks/venv.txt
	@PYTHONWARNINGS=ignore $(BIN)/python $(PIP) install --no-build-isolation --no-deps --no-index -e .
else
	@echo 'LOCKED is empty: the newest versions within the ranges, unchecked'
	@$(BIN)/python $(PIP) install -r msg/pip/build-requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python $(PIP) install --no-build-isolation -e '.[ros-wheels,dev]'
endif
	@$(BIN)/python scripts/check_libraries.py
	$(stamp)

$(DOCS_INSTALLED): | $(INSTALLED)
	@echo 'Installing what builds the documentation into $(VENV) ...'
	@$(BIN)/python $(PIP) $(if $(LOCKED),$(INSTALL_LOCKED) locks/docs.txt,install -r requirements-docs.txt)
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
ifneq ($(LOCKED),)
	@$(COLCON_VENV)/bin/python $(PIP) $(INSTALL_LOCKED) locks/build.txt
	@$(COLCON_VENV)/bin/python $(PIP) $(INSTALL_LOCKED) locks/colcon.txt
else
	@$(COLCON_VENV)/bin/python $(PIP) install -r requirements-colcon.txt
endif
	$(stamp)

$(KILTED_INSTALLED): | $(KILTED_MADE)
	@echo 'Installing the wheels of ROS 2 Kilted, and all that is tested on them, into $(KILTED_VENV) ...'
ifneq ($(LOCKED),)
	@$(KILTED_VENV)/bin/python $(PIP) $(INSTALL_LOCKED) locks/build.txt
	@$(KILTED_VENV)/bin/python $(PIP) $(INSTALL_LOCKED) locks/kilted.txt
	@PYTHONWARNINGS=ignore $(KILTED_VENV)/bin/python $(PIP) install --no-build-isolation --no-deps --no-index -e .
else
	@$(KILTED_VENV)/bin/python $(PIP) install -r requirements-kilted.txt
	@PYTHONWARNINGS=ignore $(KILTED_VENV)/bin/python $(PIP) install --no-build-isolation -e '.[dev]'
endif
	$(stamp)

$(KILTED_MESSAGES): | $(KILTED_INSTALLED)
	@echo 'Building dexgrasp_msgs with ROS 2 Kilted (about a minute) ...'
	@PATH="$(CURDIR)/$(KILTED_VENV)/bin:$$PATH" $(KILTED_VENV)/bin/python $(PIP) install --no-build-isolation --no-deps --no-index --force-reinstall ./msg
	$(stamp)

# All but PyTorch and its company are those of .venv, which it sees through a .pth file.
$(LEARNING_INSTALLED): | $(LEARNING_MADE) $(INSTALLED)
	@echo 'Installing PyTorch into $(LEARNING_VENV) (6 GB at first) ...'
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	    "$$($(LEARNING_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dexgrasp_venv.pth"
	@$(LEARNING_VENV)/bin/python $(PIP) install $(if $(LOCKED),--require-hashes --only-binary :all: -r locks/learning.txt,-r requirements-learning.txt)
	$(stamp)

$(SUPPLY_INSTALLED): | $(SUPPLY_MADE)
	@echo 'Installing what makes locks and the bill of materials into $(SUPPLY_VENV) ...'
	@$(SUPPLY_VENV)/bin/python $(PIP) install -r requirements-supply.txt
	$(stamp)

# The interfaces are what takes long in a workspace; the rest is built again with each change.
$(COLCON_MESSAGES): | $(COLCON_INSTALLED)
	@echo 'Building dexgrasp_msgs once more, in a workspace of colcon (about a minute) ...'
	@sh scripts/colcon_test.sh $(COLCON_VENV) build
	$(stamp)

$(COLCON_TESTED): | $(COLCON_MESSAGES)
	@sh scripts/colcon_test.sh $(COLCON_VENV)
	$(stamp)
