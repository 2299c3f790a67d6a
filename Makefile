# Everything runs in an environment of its own, .venv, made from the pinned versions in constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
RAY := $(VENV)-ray
JOBS ?= 2

.PHONY: run test check bench figures robust sets sweep-demo casestudy bits wheel constraints constraints-ray clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sfmodel needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say which with make PYTHON=python3.12")'
	@echo "making $(VENV) with what sfmodel needs: some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,bench,dev]'
	@touch $@

# Ray does not agree with others on cloudpickle, and has no wheels for the newest Python for some months: then without it.
$(RAY)/installed: pyproject.toml constraints-ray.txt
	@echo "making $(RAY), with Ray, for the tests on a cluster of it: some minutes"
	$(PYTHON) -m venv --clear $(RAY)
	@$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-ray.txt --editable '.[ray]' && touch $@ || \
	  echo "Ray cannot be installed here: its tests are skipped"

run: $(STAMP) ## one evening of StreamFlow at full scale, with its curves
	$(BIN)/sfmodel run

test: $(STAMP) $(RAY)/installed ## everything that must hold
	[ -e $(RAY)/installed ] || export SFMODEL_WITHOUT_RAY=1; $(BIN)/python tests/run.py --jobs $(JOBS)

check: $(STAMP) ## format, lint, types, import contract: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check sfmodel tests benches
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## speed, as ratios within one run
	$(BIN)/python -m pytest benches -q -s

figures: $(STAMP) ## every figure of the case study, over seeds: 19 evenings' work; goes on where it was stopped
	$(BIN)/python experiments/figures.py --jobs $(JOBS) trace.one_in=2500 trace.limit=4000000

robust: $(STAMP) ## the evening's figures at 0.97 and 1.03 of the demand: at least 80 % must hold; 10 evenings' work
	status=0; for level in 0.97 1.03; do $(BIN)/python experiments/figures.py --jobs $(JOBS) --only baseline --share 0.8 \
	  --folder results/figures-$$level demand.level=$$level trace.one_in=2500 trace.limit=4000000 || status=1; done; exit $$status

sets: $(STAMP) ## the evening's figures under each of eight other sets of values, one evening each
	status=0; for set in a b c d e f g h; do $(BIN)/python experiments/figures.py --jobs $(JOBS) --only baseline --share 0.8 --first-seed 3 --seeds 1 \
	  --folder results/figures-set-$$set platform/streamflow/sets=$$set trace.one_in=2500 trace.limit=4000000 || status=1; done; exit $$status

bits: $(STAMP) ## the same run under other instructions: do the bits agree? compiles three times
	$(BIN)/python experiments/bits.py

sweep-demo: $(STAMP) ## a small paired sweep, the effects of its changes as a table and as a figure: a minute
	rm -rf runs/sweep-demo
	$(BIN)/sfmodel run -m sweep=demo platform=chain hydra/launcher=joblib hydra.launcher.n_jobs=$(JOBS) hydra.sweep.dir=runs/sweep-demo
	$(BIN)/sfmodel effects runs/sweep-demo -o runs/sweep-demo/effects.svg

casestudy: $(STAMP) ## the case study, answered: about two hours, goes on where it was stopped; QUICK=1: a quarter of an hour, one seed
	$(BIN)/python experiments/casestudy.py --jobs $(JOBS) $(if $(QUICK),--quick)

wheel: $(STAMP) ## dist/*.whl
	$(BIN)/python -m build --outdir dist .

constraints: ## newest versions of all dependencies, pinned
	rm -rf $(VENV)-fresh
	$(PYTHON) -m venv $(VENV)-fresh
	$(VENV)-fresh/bin/python -m pip install --quiet '.[test,bench,dev]'
	$(VENV)-fresh/bin/python -m pip freeze --exclude sfmodel | grep -v '@' > constraints.txt
	rm -rf $(VENV)-fresh

constraints-ray: ## the same for the environment with Ray
	rm -rf $(RAY)-fresh
	$(PYTHON) -m venv $(RAY)-fresh
	$(RAY)-fresh/bin/python -m pip install --quiet '.[ray]'
	$(RAY)-fresh/bin/python -m pip freeze --exclude sfmodel | grep -v '@' > constraints-ray.txt
	rm -rf $(RAY)-fresh

clean: ## remove the environments and what was built
	rm -rf $(VENV) $(RAY) dist build
