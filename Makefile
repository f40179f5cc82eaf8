# Two commands matter: `make book` and `make test`. `make help` lists the others.
# A stage that passed leaves a stamp in .make, and runs again when a file that it reads changes
# (`make -B test` runs everything anyway).

# In SHELL and not in .SHELLFLAGS, which make 3.81 of macOS does not know: a recipe ends with its first failure.
SHELL := bash -eu -o pipefail
.DELETE_ON_ERROR:

# The first that runs, is new enough and can make a .venv: a shim of pyenv may stand for one that is not active.
PYTHON ?= $(or $(shell for python in $$(type -ap python3.11 python3.12 python3.13 python3.14 python3); do \
  $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
TORCH_INDEX ?=
CPU_INDEX := https://download.pytorch.org/whl/cpu
ALL ?=
ONLY ?=
ANEW ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
export OMP_NUM_THREADS ?= 1
unexport MPLBACKEND
# What a machine may be set up to, and would lead elsewhere: into another Python's folders, or past this one.
unexport PYTHONHOME PYTHONSAFEPATH PIP_TARGET PIP_PREFIX
export PIP_USER := 0
export PYTHONUTF8 := 1
# Who cannot write at home (a container, a class room) has caches and settings in .venv/home.
ifneq ($(shell mkdir -p "$${HOME:-/proc}/.cache" 2>/dev/null && [ -w "$$HOME" ] && [ -w "$$HOME/.cache" ] && echo yes),yes)
export HOME := $(CURDIR)/.venv/home
endif

PACKAGE   := $(shell find coursepkg -name '*.py' -o -name '*.mplstyle')
SCRIPTS   := $(shell find tools benchmarks -name '*.py')
RESULTS   := $(shell find benchmarks -name '*.json') $(wildcard coursepkg/weights/*.pt coursepkg/weights/*.json)
TESTS     := $(shell find tests -name '*.py')
MUTANTS   := $(wildcard tests/mutants/*.toml)
SOURCES   := $(wildcard notebooks/*.md)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
MASTERS   := $(wildcard assignments/masters/*.py)
GRADER    := $(shell find assignments -name '*.py' -o -name '*.toml' -o -name '*.html')
PAGES     := _config.yml _toc.yml $(shell find book -type f -not -path 'book/generated/*' -not -path 'book/_static/mathjax/*' -not -path 'book/_static/assignments/*')
INSTALLED := .venv/.installed

# The stamp names the folder in which .venv was set up. It is believed if that is still this one (an empty
# stamp fits any), Python runs, and all packages are there: uv sees that in milliseconds, without network.
HERE   := cd -P ./$(BIN)/../.. && pwd
BROKEN := $(shell { [ ! -e $(INSTALLED) ] || { was=$$(cat $(INSTALLED)); here=$$($(HERE)); [ "$${was:-$$here}" = "$$here" ] && \
  $(BIN)/uv pip install --python $(BIN)/python --dry-run --offline --no-index --no-cache -c constraints.txt -r requirements.txt; \
  }; } >/dev/null 2>&1 || echo FORCE)

# $(call stage,name,command): runs the command, says how long it took, leaves the stamp $@
define stage
@echo "── $(1)"; start=$$SECONDS; $(2); echo "── $(1): $$((SECONDS - start)) s"
@mkdir -p .make; touch $@
endef

.PHONY: help book test check notebooks lab preview mutants equations assignments grader pages example leaderboard bench launch publish clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .make/site  ## set up if need be, build the site, say where to open it
	@echo "Open file://$(CURDIR)/_build/html/index.html"

test: check .make/site .make/pytest .make/nbval  ## everything that proves the course
	@echo "The course stands: check, pytest, nbval and the strict book build all passed."

check: $(INSTALLED)  ## ruff, mypy, import-linter, pairs, equations, notation, lengths
	@$(MAKE) --no-print-directory -j 2 -o $(INSTALLED) .make/types .make/pairs .make/equations .make/lint

notebooks: $(INSTALLED)  ## execute the notebooks that changed (.md -> .ipynb)
	@$(BIN)/python -m tools.notebooks

lab: .make/assignments  ## JupyterLab on a working copy of chapters and assignments, in lab/
	@$(BIN)/python -m tools.lab && $(BIN)/jupyter lab lab

preview: .make/assignments  ## the site while you write: builds a page when its text is saved, and reloads it
	@$(BIN)/python -m tools.preview

mutants: $(INSTALLED)  ## plant bugs in the changed modules (ALL=1: in all); the tests must notice
	@$(BIN)/python -m tools.mutants $(if $(ALL),--all)

equations: $(INSTALLED)  ## check that each labelled equation has a test, and write the page of them
	@$(BIN)/python -m tools.equations check && $(BIN)/python -m tools.generate

assignments: .make/assignments  ## students' notebooks from the masters, validated, into assignments/release and the site

grader: .make/grader  ## the grader against reference, wrong and hostile submissions (needs bubblewrap; minutes)

pages: .make/pages  ## open every built page in headless Chromium and look for faults; ask the search

example: $(INSTALLED)  ## do CONTRIBUTING's worked example in a clone (minutes)
	@$(BIN)/pytest -q -m clone tests/book/test_contributing.py

leaderboard: $(INSTALLED)  ## train and score every family that is not finished, by two processes (over an hour)
	@$(BIN)/python -m benchmarks.leaderboard --workers 2 $(if $(ONLY),--only $(ONLY)) $(if $(ANEW),--anew)
	@$(BIN)/python -m benchmarks.leaderboard.report

bench: $(INSTALLED)  ## write the book's page of all measured costs
	@$(BIN)/python -m tools.bench

launch: .make/site  ## plain notebooks for Colab and Binder, in _build/launch
	@$(BIN)/python -m tools.launch _build/launch

publish: launch  ## push _build/launch as the branch that Colab and Binder open
	@$(BIN)/python -m tools.publish _build/launch

clean:  ## remove what was built, but not .venv
	@rm -rf _build .make book/generated book/_static/mathjax book/_static/assignments assignments/release .pytest_cache .mypy_cache .ruff_cache

# torch comes from TORCH_INDEX if given; on Linux without a CUDA card from the index of CPU builds, which
# saves two gigabytes; else, or if that cannot be reached, from pip's own index. The rest by uv, sooner
# than by pip; who reaches packages only through pip's own settings gets them from pip.
# What a renamed, copied, interrupted or plundered .venv still has is used; without a Python it is made anew.
$(INSTALLED): requirements.txt constraints.txt pyproject.toml $(BROKEN)
	@[ -w . ] || { echo "$(CURDIR) cannot be written to: copy the course into a folder of your own"; exit 1; }
	@echo "── set-up: .venv with everything in requirements.txt (minutes, once)"
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' 2>/dev/null || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version 2>&1 | head -n 1). Name one: make PYTHON=/path/to/python3.11"; exit 1; }; \
	  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is needed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }; \
	  $(PYTHON) -m venv --clear .venv; }
	@$(PIP) --version >/dev/null 2>&1 || { $(BIN)/python -m ensurepip --default-pip && $(PIP) --version; } >/dev/null 2>&1 || \
	  { echo "The pip of .venv does not run, and cannot be brought back: rm -rf .venv, and call make again"; exit 1; }
	@$(BIN)/python -m tools.relocate
	@torch=$$(grep '^torch==' constraints.txt); \
	if [ -n "$(TORCH_INDEX)" ]; then $(PIP) install --no-deps --index-url "$(TORCH_INDEX)" "$$torch"; \
	elif [ "$$(uname)" = Linux ] && ! nvidia-smi >/dev/null 2>&1; then \
	  $(PIP) install --no-deps --retries 1 --timeout 10 --index-url $(CPU_INDEX) "$$torch" 2>/dev/null || \
	  echo "── no $$torch from $(CPU_INDEX): it comes from pip's own index"; fi
	@{ $(PIP) install -c constraints.txt uv && $(UV) -c constraints.txt -r requirements.txt; } || \
	  { echo "── uv cannot install it: pip does"; $(PIP) install -c constraints.txt -r requirements.txt; }
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m coursepkg.data.fetch
	@($(HERE)) > $@

FORCE:

.make/lint: $(INSTALLED) $(PACKAGE) $(SCRIPTS) $(GRADER) $(TESTS)
	$(call stage,ruff and import-linter,$(BIN)/ruff check -q; $(BIN)/ruff format -q --check; $(BIN)/lint-imports --no-cache --no-logo)

.make/types: $(INSTALLED) $(PACKAGE) $(SCRIPTS) $(GRADER)
	$(call stage,mypy --strict,$(BIN)/mypy --no-error-summary)

.make/pairs: $(INSTALLED) $(SOURCES) $(NOTEBOOKS) $(PACKAGE) $(RESULTS)
	$(call stage,notebook pairs,$(BIN)/python -m tools.pairs; $(BIN)/python -m tools.notebooks --check)

.make/equations: $(INSTALLED) $(SOURCES) $(PACKAGE) $(TESTS) $(PAGES)
	$(call stage,equations questions notation and lengths,$(BIN)/python -m tools.equations check; $(BIN)/python -m tools.questions check; \
	  $(BIN)/python -m tools.notation check; $(BIN)/python -m tools.reading --check)

.make/pytest: $(INSTALLED) $(PACKAGE) $(SCRIPTS) $(GRADER) $(TESTS) $(MUTANTS) $(NOTEBOOKS) $(SOURCES) $(PAGES) $(RESULTS)
	$(call stage,pytest,$(BIN)/pytest -q -n 2)

.make/nbval: $(INSTALLED) $(PACKAGE) $(NOTEBOOKS) $(RESULTS)
	$(call stage,nbval,$(BIN)/python -m tools.nbval)

# Two at a time, but the hostile ones, which are one batch that uses both cores itself.
HOSTILE := tests/assignments/test_hostile.py
.make/grader: $(INSTALLED) $(PACKAGE) $(GRADER) $(TESTS) $(SCRIPTS)
	$(call stage,grader: honest and wrong,$(BIN)/pytest -q -n 2 --dist worksteal -m sandbox tests/assignments --ignore $(HOSTILE))
	$(call stage,grader: hostile,$(BIN)/pytest -q -m sandbox $(HOSTILE) tests/benchmarks/speed/test_grading.py)

# Runs every master's reference solution against its tests before anything is given out.
.make/assignments: $(INSTALLED) $(PACKAGE) $(MASTERS) tools/assignments.py
	$(call stage,assignments,$(BIN)/python -m tools.assignments)

# A build that warns, or is interrupted, leaves nothing behind: the next, incremental one would forget the
# warnings. Pages that did not change would keep an old sidebar: a new table of contents builds all of them.
.make/site: $(INSTALLED) .make/assignments $(PACKAGE) $(SCRIPTS) $(TESTS) $(NOTEBOOKS) $(PAGES) $(RESULTS)
	@[ ! _toc.yml -nt _build/html/index.html ] && [ ! -e _build/unfinished ] || rm -rf _build
	@mkdir -p _build; touch _build/unfinished
	$(call stage,strict book build,$(BIN)/python -m tools.generate; $(BIN)/jupyter-book build . -W -n --keep-going -q || { rm -rf _build; exit 1; }; \
	  $(BIN)/python -m tools.assignments --check _build/html || { rm -rf _build; exit 1; }; rm -f _build/unfinished)

.make/pages: .make/site
	$(call stage,pages in Chromium,$(BIN)/python -m tools.pages; $(BIN)/python -m tools.search)
