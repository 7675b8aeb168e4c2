# `make demo` and `make test` need nothing else done before: they build .venv first.

COVERAGE := 95
VENV_PYTHON := .venv/bin/python

define FIND_PYTHON
for python in python3.12 python3.13 python3 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[23].*/bin/python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))' 2>/dev/null && break; \
	python=; \
done; \
if [ -z "$$python" ]; then \
	echo "Error: no working Python 3.12 or 3.13 found. Install one (for example: apt install python3.12-dev python3.12-venv," \
		"or pyenv install 3.12) and run make again." >&2; \
	exit 1; \
fi; \
if ! command -v "$${CXX:-c++}" >/dev/null; then \
	echo "Error: no C++ compiler found, and Hummingbot has to be compiled. Install one (for example: apt install g++)" \
		"and run make again." >&2; \
	exit 1; \
fi; \
if ! "$$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then \
	echo "Error: $$python has no C headers, and Hummingbot has to be compiled. Install them (for example:" \
		"apt install python3.12-dev) and run make again." >&2; \
	exit 1; \
fi
endef

.PHONY: help venv demo test bench mutants lint clean

help:
	@echo "make demo    a bot trades on an embedded VALR, through Hummingbot's own engine (ARGS=--keep leaves the exchange running)"
	@echo "make test    the whole test suite with coverage"
	@echo "make bench   side-by-side measurements, 40 minutes on an otherwise idle machine (see benchmarks/README.md)"
	@echo "make mutants breaks the connector's pure modules in every place and sees what the tests notice, about 20 minutes"
	@echo "make lint    flake8, isort and mypy"
	@echo "make clean   removes everything make has made, .venv included"

venv: .venv/built

# The build tools come first and isolation is off, so that constraints.txt pins them too. It names every package there is to
# be, so that pip has nothing to resolve, which on Python 3.13 it could not: bip32, which Injective's connector needs, has a
# limit on coincurve that nothing built for 3.13 meets.
.venv/built: constraints.txt pyproject.toml
	@$(FIND_PYTHON); \
	echo "Building .venv with $$python; Hummingbot compiles for about 4 minutes."; \
	"$$python" -m venv .venv
	$(VENV_PYTHON) -m pip install --no-deps --constraint constraints.txt Cython numpy setuptools wheel
	$(VENV_PYTHON) -m pip install --no-deps --constraint constraints.txt --no-build-isolation hummingbot
	$(VENV_PYTHON) -m pip install --no-deps --requirement constraints.txt
	$(VENV_PYTHON) -m pip install --no-deps --no-build-isolation --editable .
	.venv/bin/hummingbot-valr install --link
	@touch $@

demo: venv
	.venv/bin/hummingbot-valr demo $(ARGS)

test: venv
	$(VENV_PYTHON) -m pytest --cov --cov-report=term-missing:skip-covered --cov-fail-under=$(COVERAGE) $(ARGS)

# Once with what Hummingbot installs, then the order books with orjson, which lies beside the environment so that nothing else
# sees it.
bench: venv build/benchmarks/extras
	$(VENV_PYTHON) -m benchmarks --json build/benchmarks/result.json $(ARGS)
	PYTHONPATH=build/benchmarks/extras $(VENV_PYTHON) -m benchmarks throughput profile latency \
		--json build/benchmarks/result-orjson.json $(ARGS)

mutants: venv build/test/extras
	PYTHONPATH=build/test/extras $(VENV_PYTHON) -m test.mutants $(ARGS)

build/%/extras: %/requirements.txt
	$(VENV_PYTHON) -m pip install --quiet --upgrade --no-deps --target $@ --requirement $<
	@touch $@

lint: venv
	$(VENV_PYTHON) -m flake8 .
	$(VENV_PYTHON) -m isort --check-only .
	$(VENV_PYTHON) -m mypy

clean:
	rm -rf .venv build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
