# strata: `make help` lists the targets. One non-recursive Makefile; objects in build/<MODE>/.
# MODE: release (default), debug (fault points, -O1), asan (address and undefined sanitizers), fuzz (those and libFuzzer).
MODE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
RELEASED := 2026-11-27
B := build/$(MODE)

# As many jobs as cores, unless the command line says how many.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

DUCKDB_HOME ?= deps/duckdb
PKGS_CORE := jansson yaml-0.1 libcrypto
PKGS_CLI := libuv libpq libgit2 libcurl ncursesw
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS_CORE) $(PKGS_CLI) 2>/dev/null)
LIBS_CORE := $(shell pkg-config --libs $(PKGS_CORE) 2>/dev/null)
LIBS_CLI := $(shell pkg-config --libs $(PKGS_CLI) 2>/dev/null) $(LIBS_CORE)
LIBS_DUCKDB = -Wl,--start-group $(wildcard $(DUCKDB_HOME)/lib/*.a) -Wl,--end-group -lpthread -ldl -lm

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wconversion -Wvla -Wno-format-truncation -Werror
CFLAGS_release := -O2 -g1
CFLAGS_debug := -O1 -g -DSTRATA_FAULTS
CFLAGS_asan := -O1 -g -DSTRATA_FAULTS -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS_release :=
LDFLAGS_debug :=
LDFLAGS_asan := -fsanitize=address,undefined
ifeq ($(MODE),fuzz)
CC := clang
CXX := clang++
WARNINGS += -Wno-unknown-warning-option -Wno-string-conversion
CFLAGS_fuzz := -O1 -g -DSTRATA_FAULTS -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
else
FUZZ_MAIN := $(B)/tests/fuzz/replay.o
endif
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DSTRATA_VERSION='"$(VERSION)"' -DSTRATA_RELEASED='"$(RELEASED)"' -I. -I$(B) -isystem $(DUCKDB_HOME)/include \
	$(PKG_CFLAGS) $(WARNINGS) $(CFLAGS_$(MODE)) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(MODE)) $(LDFLAGS)

comma := ,
src = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard $(addsuffix /*.c,$(1)))))
# A library a folder: the linker takes what a program needs, and a link line says who may use whom.
OBJ_base := $(call src,base)
OBJ_core := $(call src,core)
OBJ_executor := $(filter-out $(B)/executor/main.o $(B)/executor/operator_new.o,$(call src,executor))
# A faster operator new, where libduckdb brings jemalloc and no sanitizer brings its own.
ifneq ($(wildcard $(DUCKDB_HOME)/lib/libduckdb_jemalloc.a),)
OPERATOR_NEW_release := $(B)/executor/operator_new.o
OPERATOR_NEW_debug := $(B)/executor/operator_new.o
endif
OBJ_scheduler := $(call src,scheduler)
OBJ_ui := $(call src,ui-tui)
OBJ_cli := $(filter-out $(B)/cli/main.o,$(call src,cli))
LIB_CORE := $(B)/libcore.a $(B)/libbase.a
LIB_EXECUTOR := $(B)/libexecutor.a $(LIB_CORE)
LIB_SCHEDULER := $(B)/libscheduler.a $(LIB_CORE)
LIB_UI := $(B)/libui.a $(LIB_SCHEDULER)
LIB_CLI := $(B)/libcli.a $(LIB_UI)

# Unit tests: one program a file. tests/unit/*.c link base and core; tests/unit/<dir>/*.c link <dir> too.
UNIT_CORE := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*.c))
UNIT_SCHEDULER := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/scheduler/*.c))
UNIT_CLI := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/cli/*.c))
UNIT_UI := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/ui/*.c))
UNIT_EXECUTOR := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/executor/*.c))
SIM := $(patsubst %.c,$(B)/%,$(wildcard tests/sim/sim_*.c))
# The runner's own sources; the world around them is tests/sim/world_*.c, put in by the linker.
SIM_MODELS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/sim/world_*.c)))
SIM_WORLD := $(SIM_MODELS) $(addprefix $(B)/scheduler/,runner.o runner_run.o runner_try.o runner_heard.o runner_record.o runner_recover.o runner_resume.o runner_progress.o runner_workers.o runner_hold.o order.o \
	lake_probe.o sensor.o try_build.o turns.o journal.o journal_batch.o journal_tables.o pg_array.o)
SIM_WRAP := clock_mono_us clock_wall_us getrandom log_event batch_send opendir readdir closedir
# The whole scheduler: its library behind the models, which are taken first. Without libuv and libpq: what of them has no
# model is missed by the linker.
SIM_DAEMON := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/sim/daemon_*.c))) $(SIM_MODELS)
UNIT := $(UNIT_CORE) $(UNIT_SCHEDULER) $(UNIT_UI) $(UNIT_CLI) $(UNIT_EXECUTOR)
# Fuzz targets, by folder as the unit tests are: clang's libFuzzer under MODE=fuzz, else a main that replays files.
FUZZ_CORE := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CLI := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/cli/*.c))
FUZZ_EXECUTOR := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/executor/*.c))
FUZZ := $(FUZZ_CORE) $(FUZZ_CLI) $(FUZZ_EXECUTOR)
FUZZ_SECONDS ?= 30
HELPERS := $(patsubst %.c,$(B)/%,$(wildcard tests/helper/*.c))
# What the fault tests put between the programs and the file system.
SHIM := $(B)/tests/fault/io_shim.so

.PHONY: all man completion deps run test test-long unit sim mutants fuzz fuzz-programs fuzz-replay clang-check check lint bench asan install clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/strata $(B)/strata-worker ## build strata and strata-worker

deps: ## install what is missing (Debian packages by apt, libduckdb into deps/)
	infra/setup.sh

# The dependencies come first, then the build in a make of its own, which sees the new pkg-config files.
run: deps ## install, build, bring the sample project up to date for a week and show the result
	$(MAKE) all
	infra/run-sample.sh $(B)

test: ## install, build, every test
	infra/setup.sh --tests
	tests/run.sh

unit: $(UNIT) ## the unit tests of this MODE
	@set -e; for t in $(UNIT); do $$t; done

sim: $(SIM) ## the simulations of this MODE
	@set -e; for t in $(SIM); do $$t; done

test-long: ## the long forms of what 'make test' runs in short ones
	infra/setup.sh --tests
	tests/long.sh

mutants: ## each planted mutant of tests/sim/mutants is caught by the test that is there for it
	$(MAKE) MODE=debug sim
	tests/sim/mutants.sh

fuzz: ## search for inputs that break a promise, FUZZ_SECONDS=30 a target (needs clang)
	$(MAKE) MODE=fuzz fuzz-programs
	tests/fuzz/search.sh $(FUZZ_SECONDS)

fuzz-programs: $(FUZZ)

# With the fuzzers' compiler and flags, without code: its warnings are seen before the fuzzers are built.
CHECKED := $(filter-out executor/operator_new.c,$(wildcard $(addsuffix /*.c,base core executor scheduler ui-tui cli $(addprefix tests/,helper sim unit unit/*))))
clang-check: $(B)/migrations.inc
	@printf '%s\n' $(CHECKED) | xargs -P $(shell nproc) -n 8 $(CC) -fsyntax-only $(ALL_CFLAGS)

fuzz-replay: $(FUZZ) ## every seed and every input that once broke something, through its target
	@set -e; for t in $(FUZZ); do $$t tests/fuzz/corpus/$$(basename $$t | sed s/^fuzz_//) | tail -1; done

check: ## the tests that need no server: unit, simulation, replay of the fuzzers' inputs
	$(MAKE) MODE=debug unit sim fuzz-replay

lint: ## layering, style, warnings as errors, cppcheck
	infra/lint.sh

bench: deps ## the numbers, as ratios to floors and peers of the same run
	$(MAKE) MODE=release all
	bench/run.sh

asan: ## build with the address and undefined sanitizers
	$(MAKE) MODE=asan all

man: $(B)/man/strata.1 ## make the man pages, in build/<MODE>/man

completion: $(B)/completion/_strata ## make the completion of bash, zsh and fish, in build/<MODE>/completion

install: all man completion ## install into $(DESTDIR)$(PREFIX)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/bash-completion/completions \
		share/zsh/site-functions share/fish/vendor_completions.d)
	install -m 755 $(B)/strata $(B)/strata-worker $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(B)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(B)/completion/strata.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/strata
	install -m 644 $(B)/completion/_strata $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_strata
	install -m 644 $(B)/completion/strata.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/strata.fish

clean: ## remove build/ (deps/ stays)
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(B)/strata: $(B)/cli/main.o $(LIB_CLI)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI)

# Old pages of commands that have gone must not be installed.
$(B)/man/strata.1: $(B)/strata
	@rm -rf $(@D) && mkdir -p $(@D)
	@echo "  MAN   $(@D)"
	@$< help --man $(@D)
# The one that is named comes last, so that it tells that all are there.
$(B)/completion/_strata: $(B)/strata
	@mkdir -p $(@D)
	@echo "  COMPL $(@D)"
	@$< completion bash >$(@D)/strata.bash
	@$< completion fish >$(@D)/strata.fish
	@$< completion zsh >$@
# g++ because libduckdb is C++.
$(B)/strata-worker: $(B)/executor/main.o $(OPERATOR_NEW_$(MODE)) $(LIB_EXECUTOR)
	@echo "  LINK  $@"
	@$(CXX) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE) $(LIBS_DUCKDB)

$(UNIT_CORE) $(filter-out %/sim_world %/sim_daemon,$(SIM)): $(B)/%: $(B)/%.o $(LIB_CORE)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE) -lcmocka
$(B)/tests/sim/sim_world: $(B)/tests/sim/sim_world.o $(SIM_WORLD) $(LIB_CORE)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $(SIM_WRAP:%=-Wl,--wrap=%) $^ -o $@ $(LIBS_CORE)
$(B)/tests/sim/sim_daemon: $(B)/tests/sim/sim_daemon.o $(SIM_DAEMON) $(LIB_SCHEDULER)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $(patsubst %,-Wl$(comma)--wrap=%,$(SIM_WRAP) raise runner_begin) $^ -o $@ $(LIBS_CORE)
$(UNIT_SCHEDULER): $(B)/%: $(B)/%.o $(LIB_SCHEDULER)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI) -lcmocka
$(UNIT_UI): $(B)/%: $(B)/%.o $(LIB_UI)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI) -lcmocka
$(UNIT_CLI): $(B)/%: $(B)/%.o $(LIB_CLI)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI) -lcmocka
$(UNIT_EXECUTOR): $(B)/%: $(B)/%.o $(LIB_EXECUTOR)
	@echo "  LINK  $@"
	@$(CXX) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE) $(LIBS_DUCKDB) -lcmocka
$(FUZZ_CORE): $(B)/%: $(B)/%.o $(FUZZ_MAIN) $(LIB_CORE)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE)
$(FUZZ_CLI): $(B)/%: $(B)/%.o $(FUZZ_MAIN) $(LIB_CLI)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI)
$(FUZZ_EXECUTOR): $(B)/%: $(B)/%.o $(FUZZ_MAIN) $(LIB_EXECUTOR)
	@echo "  LINK  $@"
	@$(CXX) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE) $(LIBS_DUCKDB)
$(OBJ_executor) $(B)/executor/main.o $(FUZZ_EXECUTOR:%=%.o) $(UNIT_EXECUTOR:%=%.o): | $(DUCKDB_HOME)/include/duckdb.h
$(DUCKDB_HOME)/include/duckdb.h:
	@echo "libduckdb is missing; 'make deps' gets it" >&2; false

$(SHIM): tests/fault/io_shim.c
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -fPIC -shared $< -o $@ -ldl
$(B)/tests/helper/gen_cli_doc: $(B)/tests/helper/gen_cli_doc.o $(LIB_CLI)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CLI)
$(filter-out %/gen_cli_doc,$(HELPERS)): $(B)/%: $(B)/%.o $(LIB_CORE)
	@echo "  LINK  $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS_CORE)

.SECONDEXPANSION:
$(B)/lib%.a: $$(OBJ_$$*)
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The migrations, as C (scheduler/db_migrate.c includes them).
MIGRATIONS := $(sort $(wildcard sql/*.sql))
$(B)/migrations.inc: $(MIGRATIONS) sql/embed.sh
	@mkdir -p $(@D)
	@sql/embed.sh $(MIGRATIONS) >$@
$(B)/scheduler/db_migrate.o: $(B)/migrations.inc

-include $(shell find $(B) -name '*.d' 2>/dev/null)
