# Linux and macOS. README has the same steps without make, for Windows.
#
#   PYTHON=python3.12              the Python that .venv is made with (default: the first that is 3.11 or newer)
#   LAB_ARGS="--no-browser"        passed on to JupyterLab
#   PYTEST_ARGS="-k faces -x"      passed on to pytest
#   WORKERS=2                      processes that share the tests
#   NOTEBOOKS="--all"              passed on to tools/notebooks.py
#   BENCH_ARGS="--brief"           passed on to each benchmark (--brief: one short round)

.DEFAULT_GOAL := help
.PHONY: help lab test style notebooks html bench doctor clean

BIN := .venv/bin

# One thread for each process of a test or a build: many processes that each want all cores slow each other down
# far more than a second thread helps, and sums come out the same in the last digit.
OMP_NUM_THREADS ?= 1
WORKERS ?= 2
test notebooks: export OMP_NUM_THREADS := $(OMP_NUM_THREADS)

# Where more threads are wanted, those that wait sleep instead of spinning, unless somebody has decided (see
# coursekit/app/server.py). The benchmarks set it themselves.
ifeq ($(origin OMP_WAIT_POLICY)$(origin GOMP_SPINCOUNT)$(origin KMP_BLOCKTIME),undefinedundefinedundefined)
test notebooks: export GOMP_SPINCOUNT := 1000
test notebooks: export KMP_BLOCKTIME := 0
endif

# What a run ends with: its ten slowest tests. Which tests share a process, and in what order, is in tests/order.py.
SLOWEST := --durations=10 --durations-min=1

help:  ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */make \1|/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

lab:  ## set up .venv and open the course in JupyterLab
	@sh tools/setup.sh lab
	@$(BIN)/coursekit lab $(LAB_ARGS)

test:  ## set up .venv and run every test (ruff and mypy are two of them)
	@sh tools/setup.sh test
	@$(BIN)/python -m pytest -m "not alone" -n $(WORKERS) $(SLOWEST) $(PYTEST_ARGS); \
	most=$$?; echo "== the tests that measure time, with nothing beside them"; \
	$(BIN)/python -m pytest -m alone $(SLOWEST) $(PYTEST_ARGS); timed=$$?; \
	[ $$most -eq 0 ] && [ $$timed -eq 0 ] || [ $$most$$timed = 05 ] || [ $$most$$timed = 50 ]  # 5: none of that kind

style:  ## ruff and mypy alone
	@sh tools/setup.sh test
	@$(BIN)/ruff check .
	@$(BIN)/mypy

notebooks:  ## build and execute the notebooks whose text has changed
	@sh tools/setup.sh test
	@$(BIN)/python tools/notebooks.py $(NOTEBOOKS)

html:  ## the stored notebooks as web pages, in build/html
	@sh tools/setup.sh test
	@$(BIN)/python tools/notebooks.py --html build/html

bench:  ## measure what is promised to be fast
	@sh tools/setup.sh test
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file $(BENCH_ARGS) || exit 1; done

doctor:  ## say what is installed, and what to do about what is wrong
	@sh tools/setup.sh lab
	@$(BIN)/coursekit doctor

clean:  ## remove .venv and everything else that was made here
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find coursekit course tools tests -name __pycache__ -prune -exec rm -rf {} +
