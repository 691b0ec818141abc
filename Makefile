# Two commands do everything on a fresh Debian machine: `make demo` and `make test`.
CXX_SOURCES = $(shell git ls-files '*.cpp' '*.hpp')
JOBS ?= $(shell nproc)

.PHONY: build demo test kill bench tsan setup lint lint-setup format format-check

build: setup
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

setup:
	packaging/install-dependencies.sh packaging/build-dependencies.txt

# A real Django worker, really hung, and hangspy's verdict on it.
demo: build
	fixtures/demo.py build/hangspy

test: build
	ctest --preset release -j $(JOBS)

# hangspy is killed 2,000 times in each mode; the worker must not notice. `make test` does it less.
kill: build
	for mode in auto always never core; do \
	  tests/live/kill_test.py --hangspy build/hangspy --mode $$mode --kills 2000 || exit 1; done

# hangspy beside its peers; writes docs/performance.md. For a part of it: ARGUMENTS="--quick --only tasks"
bench: build
	tests/bench/bench.py $(ARGUMENTS)

# hangspy's own threads: the one that traces, and the watchdog. Left out are tests that count threads
# or calls, of which the sanitizer has its own.
tsan: setup
	cmake --preset tsan
	cmake --build --preset tsan -j $(JOBS)
	ctest --preset tsan -j $(JOBS)

lint-setup: setup
	packaging/install-dependencies.sh packaging/lint-dependencies.txt

lint: lint-setup format-check
	cmake --preset release > /dev/null
	run-clang-tidy-19 -quiet -p build -j $(JOBS) '/src/'

format-check:
	clang-format-19 --dry-run --Werror $(CXX_SOURCES)

format: lint-setup
	clang-format-19 -i $(CXX_SOURCES)

FUZZERS = image elf snapshot graph text
FUZZ_SECONDS ?= 3600
MUTATIONS ?= 100000

fuzz-build: lint-setup
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS) --target mutate fuzzers

# Each harness for FUZZ_SECONDS, one after the other. What it finds stays in build/fuzz/found; a
# case that was mended goes to tests/fuzz/corpus.
fuzz: fuzz-build
	for each in $(FUZZERS); do \
	  tests/fuzz/run.sh build/fuzz $$each -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Recorded workers, spoilt in so many ways.
mutate: fuzz-build
	build/fuzz/mutate build/fuzz/tests/images $(MUTATIONS)
