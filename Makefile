# Everything that is done here, in one word each. `make help` lists it.
#
# Each target makes what it needs: a virtual environment in .venv, the tools of
# requirements/ at exact versions, the extension module. A second run finds all
# of it in place.

PYTHON ?=
CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2

VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check --quiet --no-input
FEATURE_SETS := message render sign driver bulk message,bulk,catcher
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -type f)
STUB := python/rsmtp/_rsmtp.pyi
FRESH_STUB := target/stubs/rsmtp/_rsmtp.pyi

# One interpreter and one way to link for maturin and for plain cargo alike, so
# that neither undoes the other's build of pyo3.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PYO3_BUILD_EXTENSION_MODULE := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONHOME PYTHONPATH

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/built ## The tutorial's message through a local server, its conversation shown
	@$(BIN)/python -m rsmtp demo

# --- test ---------------------------------------------------------------------

.PHONY: test test-rust test-python
test: test-rust test-python ## Every layer's Rust tests, then the Python tests

# The bare build is protocol/ alone. The binding is tested from Python.
test-rust: ## Only the Rust tests, layer by layer
	$(CARGO) test --locked
	@for features in $(FEATURE_SETS); do \
	    echo "$(CARGO) test --locked --features $$features"; \
	    $(CARGO) test --locked --features $$features || exit 1; \
	done
	$(CARGO) build --locked --features python --example panics  # for tests/test_panics.py

# Most tests wait, for a server or a time-out: several processes wait side by side, each with
# whole files. PROCESSES=0 runs them in one, for a debugger.
PROCESSES ?= 3
test-python: $(VENV)/built $(VENV)/test-tools $(VENV)/check-tools ## Only the Python tests (PYTEST="-k name" passes options)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile $(PYTEST)

.PHONY: suite-aiosmtplib
suite-aiosmtplib: $(VENV)/built ## aiosmtplib's own tests, on rsmtp.aiosmtplib; they come from the package index
	$(BIN)/python tools/suites/run_aiosmtplib.py

# Apart from the other tests: Airflow is 130 packages.
.PHONY: suite-airflow
suite-airflow: $(VENV)/built target/suites/airflow/made ## rsmtp.airflow with the real Airflow, which comes from the package index
	cd target/suites/airflow && PYTHONPATH=$(CURDIR)/python bin/python -m pytest -c /dev/null --rootdir=. -q \
	    -p no:cacheprovider -p no:rsmtp $(CURDIR)/tools/suites/test_airflow.py

target/suites/airflow/made: requirements/suite-airflow.txt
	$(BIN)/python -m venv --clear $(@D)
	$(@D)/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	touch $@

# On 3.11 and on 3.13, as far as they are found; SUITES="red-mail" passes names and options on.
SUITE_PYTHONS ?= $(BIN)/python $(shell for python in python3.11 python3.13; do tools/find-python $$python 2>/dev/null; done)
.PHONY: suites
suites: $(VENV)/built ## Other packages' own tests, with their imports changed; they come from the package index
	$(BIN)/python tools/suites/run_packages.py $(SUITES) --python $(SUITE_PYTHONS)

.PHONY: suite-paths
suite-paths: $(VENV)/built ## What arrives when eight other packages send, over smtplib and over rsmtp
	$(BIN)/python tools/suites/run_paths.py $(SUITES) --python $(SUITE_PYTHONS)

.PHONY: corpus
corpus: $(VENV)/built target/corpus/gathered ## Some hundred public messages read and sent on, beside the standard library
	RSMTP_CORPUS=target/corpus $(BIN)/python -m pytest tests/octets/test_corpus.py -n0 -s -rA

.PHONY: bounces
bounces: $(VENV)/built target/bounces/gathered ## Public bounces read, beside what their collectors say of them (SISIMAI=/its/copy for one more)
	RSMTP_BOUNCES=target/bounces $(BIN)/python -m pytest tests/bounce/test_corpus.py tests/bounce/test_collectors.py -n0 -s -rA

target/bounces/gathered: tools/bounces
	$(BIN)/python tools/bounces target/bounces
	touch $@

.PHONY: protected
protected: $(VENV)/built target/protected/gathered ## Signed and encrypted mail of other programs, sent on; gpg and openssl say what they said before
	RSMTP_PROTECTED=target/protected $(BIN)/python -m pytest tests/protecting/test_samples.py -n0 -s -rA

target/protected/gathered: tools/protected
	$(BIN)/python tools/protected target/protected
	touch $@

target/corpus/gathered: tools/corpus
	$(BIN)/python tools/corpus target/corpus
	touch $@

# --- check --------------------------------------------------------------------

.PHONY: check check-format check-words check-lint check-types check-stubs check-supply check-layers
check: check-format check-words check-lint check-stubs check-types check-supply check-audit check-layers ## Format, words, lints, types, stubs, supply chain, bare build

check-format: $(VENV)/check-tools
	$(CARGO) fmt --check
	$(BIN)/ruff format --check
	$(BIN)/ruff check

check-words: $(VENV)/built $(VENV)/test-tools ## Words that name no one, in comments and docs
	$(BIN)/python -m pytest --quiet tests/test_words.py

check-lint: $(VENV)/made
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@for features in $(FEATURE_SETS) python; do \
	    echo "$(CARGO) clippy --locked --all-targets --features $$features -- -D warnings"; \
	    $(CARGO) clippy --locked --all-targets --features $$features -- -D warnings || exit 1; \
	done

check-stubs: $(FRESH_STUB) $(VENV)/check-tools
	@diff -u $(STUB) $(FRESH_STUB) || { echo "$(STUB) is not what the source says: make stubs"; exit 1; }
	$(BIN)/stubtest rsmtp._rsmtp
	$(BIN)/pyright

check-types: $(VENV)/built $(VENV)/check-tools
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typing/ported_script.py tests/typing/public_names.py

check-supply: .tools/cargo-deny-$(CARGO_DENY_VERSION)
	.tools/bin/cargo-deny check bans licenses sources
	@if .tools/bin/cargo-deny fetch db >/dev/null 2>&1; then \
	    echo ".tools/bin/cargo-deny check advisories"; \
	    .tools/bin/cargo-deny check --disable-fetch advisories; \
	else \
	    echo "advisories NOT CHECKED: the advisory database can't be fetched from here"; \
	fi

# Skipped packages and an unreachable index are told apart from a clean bill.
.PHONY: check-audit
check-audit: .tools/audit/made
	@for file in build test kerberos check docs bench release suite-aiosmtplib suite-airflow; do \
	    said=$$(.tools/audit/bin/pip-audit --progress-spinner off --disable-pip --no-deps --strict \
	        -r requirements/$$file.txt 2>&1); \
	    case "$$?:$$said" in \
	        0:*) echo "requirements/$$file.txt: no known vulnerabilities";; \
	        *"known vulnerabilit"*) echo "$$said"; exit 1;; \
	        *) echo "requirements/$$file.txt NOT CHECKED: the vulnerability database can't be reached from here";; \
	    esac; \
	done

check-layers:
	$(CARGO) test --locked

.PHONY: format
format: $(VENV)/check-tools ## Formats the Rust and the Python sources
	$(CARGO) fmt
	$(BIN)/ruff check --quiet --fix
	$(BIN)/ruff format

# --- stubs, bench --------------------------------------------------------

.PHONY: stubs
stubs: $(FRESH_STUB) ## Writes python/rsmtp/_rsmtp.pyi anew from the Rust docstrings
	cp $(FRESH_STUB) $(STUB)

# From the unstripped development build: the signatures are read from the library.
$(FRESH_STUB): $(VENV)/built $(VENV)/check-tools tools/finish-stubs
	$(BIN)/maturin generate-stubs --quiet --locked --interpreter $(BIN)/python --out target/stubs
	$(BIN)/python tools/finish-stubs $@
	$(BIN)/ruff check --quiet --select I --fix $@
	$(BIN)/ruff format --quiet $@
	@touch $@

.PHONY: completions
completions: $(VENV)/built $(VENV)/test-tools ## Writes what `rsmtp completion` prints anew
	$(BIN)/python tools/completions

# A wheel for this interpreter on this machine, for the benchmarks.
$(VENV)/wheel: $(SOURCES) $(shell find python -name '*.py*' -o -path '*/static/*') README.md LICENSE | $(VENV)/built
	rm -rf target/wheel
	$(BIN)/maturin build --quiet --locked --release --interpreter $(BIN)/python --out target/wheel
	@touch $@

# --- release ------------------------------------------------------------------------

.PHONY: wheel sdist check-release
wheel: .tools/release/made ## The wheel as it is released, in dist/: for old Linux too, audited, tried in an empty environment
	.tools/release/bin/python tools/release.py wheel

sdist: .tools/release/made ## The source distribution in dist/, and a wheel built from it offline
	.tools/release/bin/python tools/release.py sdist

check-release: .tools/release/made ## The release workflow, read by zizmor
	.tools/release/bin/zizmor --offline --no-progress --quiet .github/workflows

.tools/release/made: requirements/release.txt | $(VENV)/made
	$(BIN)/python -m venv .tools/release
	.tools/release/bin/python $(PIP) install -r requirements/release.txt
	@touch $@

# --- docs ---------------------------------------------------------------------------

.PHONY: docs
docs: $(VENV)/built $(VENV)/docs-tools ## The site, docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

# --- fuzzing, endurance -----------------------------------------------------------

FUZZ_SECONDS ?= 1200
FUZZ_TARGETS ?= replies session mail_data addresses headers sender
ENDURANCE ?= 50

# No unsafe code of ours, so no sanitizer: cargo-fuzz needs a nightly compiler's flags,
# which the stable one takes when it is told so.
.PHONY: fuzz endurance outbox-proofs
fuzz: .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION) ## Every fuzz target for FUZZ_SECONDS each (1200)
	$(CARGO) run --quiet --locked --manifest-path fuzz/Cargo.toml --example write_seeds
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p fuzz/corpus/$$target; \
	    RUSTC_BOOTSTRAP=1 PATH=$(CURDIR)/.tools/bin:$$PATH $(CARGO) fuzz run --sanitizer none $$target \
	        fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) \
	        -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 || exit 1; \
	done

endurance: $(VENV)/built $(VENV)/test-tools ## 100,000 sessions, 2,000 interrupts (ENDURANCE=50)
	RSMTP_ENDURANCE=$(ENDURANCE) $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/endurance

outbox-proofs: $(VENV)/built $(VENV)/test-tools ## 10,000 messages to Postfix and 200 kills, by threads and by a loop; 5,000 Celery tasks by two brokers
	RSMTP_OUTBOX_MESSAGES=10000 RSMTP_OUTBOX_KILLS=200 \
	    $(BIN)/python -m pytest -s -o faulthandler_timeout=0 --timeout=7200 tests/servers/test_outbox.py
	RSMTP_CELERY_TASKS=5000 RSMTP_CELERY_KILLS=20 \
	    $(BIN)/python -m pytest -s -o faulthandler_timeout=0 --timeout=7200 tests/frameworks/test_celery.py

.PHONY: bench
bench: $(BENCH_VENV)/installed ## rsmtp beside its peers, on loopback (BENCH="--quick" passes options)
	$(BENCH_VENV)/bin/python bench/run.py $(BENCH)

# A plain interpreter will do: no wheel, no requirements.
.PHONY: bench-instructions
bench-instructions: $(VENV)/made ## Instructions of the engine's hot paths, by valgrind, into docs/instructions.md
	$(BIN)/python bench/instructions.py --write docs/instructions.md

$(BENCH_VENV)/installed: $(VENV)/wheel requirements/bench.txt
	test -x $(BENCH_VENV)/bin/python || $(BIN)/python -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python $(PIP) install -r requirements/bench.txt
	$(BENCH_VENV)/bin/python $(PIP) install --no-index --force-reinstall target/wheel/*.whl
	@touch $@

# --- what the targets stand on --------------------------------------------------

$(VENV)/made:
	rm -rf $(VENV)
	python=$$(tools/find-python $(PYTHON)) && "$$python" -m venv $(VENV)
	@touch $@

$(VENV)/build-tools: requirements/build.txt | $(VENV)/made
	$(BIN)/python $(PIP) install -r requirements/build.txt
	@touch $@

$(VENV)/test-tools: requirements/test.txt requirements/kerberos.txt requirements/build.txt | $(VENV)/made
	$(BIN)/python $(PIP) install -r requirements/test.txt
	@if command -v krb5-config >/dev/null; then $(BIN)/python $(PIP) install -r requirements/kerberos.txt; fi
	@touch $@

$(VENV)/check-tools: requirements/check.txt requirements/test.txt | $(VENV)/test-tools
	$(BIN)/python $(PIP) install -r requirements/check.txt
	@touch $@

$(VENV)/docs-tools: requirements/docs.txt | $(VENV)/made
	$(BIN)/python $(PIP) install -r requirements/docs.txt
	@touch $@

# A person who waits for the demo sees what is being compiled.
$(VENV)/built: $(SOURCES) | $(VENV)/build-tools
	$(BIN)/maturin develop $(if $(filter demo,$(MAKECMDGOALS)),,--quiet) --locked
	@touch $@

.tools/cargo-deny-$(CARGO_DENY_VERSION):
	$(CARGO) install --quiet --locked --root .tools --version $(CARGO_DENY_VERSION) cargo-deny
	@touch $@

.tools/audit/made: requirements/audit.txt | $(VENV)/made
	$(BIN)/python -m venv .tools/audit
	.tools/audit/bin/python $(PIP) install -r requirements/audit.txt
	@touch $@

.tools/cargo-fuzz-$(CARGO_FUZZ_VERSION):
	$(CARGO) install --quiet --locked --root .tools --version $(CARGO_FUZZ_VERSION) cargo-fuzz
	@touch $@

.PHONY: clean
clean: ## Removes everything that make made
	rm -rf $(VENV) $(BENCH_VENV) .tools target dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f python/rsmtp/_rsmtp*.so python/rsmtp/_rsmtp*.pyd
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
