# Two commands do everything: `make demo` and `make test`.

SWIFT ?= swift
PROGRAM = .build/release/graphrun
EXAMPLE = examples/arxiv
# Parquet needs Arrow C++: PARQUET=no builds without. The libraries are found where they are built with, else beside the
# program: see docs/parquet.md.
PARQUET ?= $(if $(filter Linux,$(shell uname -s)),yes,no)
export PARQUET
ifeq ($(PARQUET),yes)
ARROW := $(shell scripts/install-arrow --print)
FLAGS = --traits Parquet -Xlinker -rpath -Xlinker $(ARROW)/lib
export PKG_CONFIG_PATH := $(ARROW)/pkgconfig:$(PKG_CONFIG_PATH)
# For the tests: a Parquet that cannot be loaded is an error then.
export GRAPHRUN_PARQUET = yes
endif
# Said twice, since SwiftPM means only executables, and graphrun-arrow must not bring a Swift runtime of its own. All release
# builds have the same flags: SwiftPM takes over the plan of the last one.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib -Xswiftc -static-stdlib $(FLAGS)

.PHONY: demo test build install-dependencies lint format docs bench-arxiv bench-classify bench-text bench-domains bench-tables bench-large-tables bench-engine bench-order bench-spill bench-command bench-bag bench-resume differential torture fuzz clean help

help:
	@echo "make demo         install what is missing, build, and run the example on made-up data"
	@echo "make test         install what is missing, and run all tests"
	@echo "make build        build the program: $(PROGRAM); PARQUET=no without Arrow C++"
	@echo "make lint         check format and the arrows between the rooms"
	@echo "make format       format all sources"
	@echo "make docs         make the API documentation, and check it: .build/docs/GraphRun.doccarchive"
	@echo "make torture      kill it 500 times and more, fill its disks, spoil its files: nothing lost, nothing wrong"
	@echo "make fuzz         give the DAG-file reader a minute of damaged files; FUZZ='csv --seconds 3600' the CSV reader an hour"
	@echo "make bench-engine time the engine beside the peers that are there"
	@echo "make bench-order  compare orders with Dask's; bench-spill: spilled bytes with LRU's and the optimum;"
	@echo "                  bench-command: processes with ninja's"
	@echo "make differential thousands of random chains of bag operations, compared with Dask's results, and of"
	@echo "                  operations on random tables, compared with DuckDB's and SQLite's, and texts with Keras's ids"
	@echo "make bench-bag    time bags beside dask.bag"
	@echo "make bench-resume kill runs at 90 % and resume them, with and without the rule that keeps dear results"
	@echo "make bench-arxiv  time the arXiv pipeline beside the peers that are there; bench-domains: names as ids;"
	@echo "                  bench-classify: 15 classifiers beside scikit-learn's; bench-text: arxiv and classify;"
	@echo "                  bench-tables: visits per customer;"
	@echo "                  bench-large-tables: sort and join files many times larger than memory"

install-dependencies:
	@scripts/install-dependencies

build: install-dependencies
	$(RELEASE) --product graphrun
	$(RELEASE) --product graphrun-arrow

demo: build
	@echo
	$(PROGRAM) sample arxiv --items 60000 --files 16 --seed 1 --output $(EXAMPLE)/data
	@echo
	$(PROGRAM) run $(EXAMPLE)/arxiv.yaml --memory 256MB
	@echo
	$(PROGRAM) status $(EXAMPLE)/arxiv.yaml
	@echo
	$(PROGRAM) result totals --file $(EXAMPLE)/arxiv.yaml

# The acceptance tests run the real program, built as users build it.
test: build
	GRAPHRUN_PROGRAM=$(CURDIR)/$(PROGRAM) scripts/test $(SWIFT) test $(FLAGS)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests dashboards benchmarks examples
	scripts/check-arrows

# Exit code 2: the toolchain has no documentation compiler.
docs: install-dependencies
	SWIFT=$(SWIFT) scripts/check-docs

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests dashboards benchmarks examples

bench-arxiv: build
	benchmarks/arxiv --program $(CURDIR)/$(PROGRAM) $(BENCH)

bench-classify: build
	benchmarks/classify/compare --program $(CURDIR)/$(PROGRAM) $(BENCH)

bench-text: bench-arxiv bench-classify

bench-domains: build
	benchmarks/domains --program $(CURDIR)/$(PROGRAM) $(BENCH)

bench-tables: build
	benchmarks/tables --program $(CURDIR)/$(PROGRAM) $(BENCH)

bench-large-tables: build
	benchmarks/large-tables --program $(CURDIR)/$(PROGRAM) $(BENCH)

bench-command: build
	benchmarks/command/compare --program $(CURDIR)/$(PROGRAM)

bench-order: build
	benchmarks/order/compare $(CURDIR)/$(PROGRAM)

bench-spill: build
	benchmarks/spill/compare --program $(CURDIR)/$(PROGRAM)

bench-bag: install-dependencies
	$(RELEASE) --product bag-bench
	benchmarks/bag/compare --program $(CURDIR)/.build/release/bag-bench $(BENCH)

differential: build
	$(RELEASE) --product graphrun-bag-runner
	Tests/BagDifferential/differential --runner $(CURDIR)/.build/release/graphrun-bag-runner $(or $(CHAINS),--count 5000 --seed 1)
	Tests/TableDifferential/differential --program $(CURDIR)/$(PROGRAM) $(or $(TABLES),--rounds 50 --seed 1)
	Tests/TextDifferential/differential --program $(CURDIR)/$(PROGRAM) $(or $(TEXTS),--rounds 1000 --seed 1)

bench-resume: build
	benchmarks/resume/compare --program $(CURDIR)/$(PROGRAM)

bench-engine: build
	$(RELEASE) --product engine-bench
	benchmarks/engine/run --program $(CURDIR)/.build/release/engine-bench --graphrun $(CURDIR)/$(PROGRAM) $(BENCH)

# Flags as in `build`, so that neither is built again for the other. TORTURE='--kills 50 --seed 1' says otherwise.
torture: build
	$(RELEASE) --product torture
	.build/release/torture --program $(CURDIR)/$(PROGRAM) $(TORTURE)

# Built apart, in .build-fuzz, with libFuzzer's counters in all code.
fuzz: install-dependencies
	SWIFT=$(SWIFT) Tests/Fuzz/fuzz $(or $(FUZZ),dag-file --seconds 60)

clean:
	rm -rf .build .build-fuzz $(EXAMPLE)/data $(EXAMPLE)/out $(EXAMPLE)/.graphrun benchmarks/data benchmarks/out
