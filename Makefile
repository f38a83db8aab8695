# Lectern: `make` builds build/lectern. See README.md for the two commands that do everything.
#
#   make                     the server                     make test    unit tests (cmocka)
#   make SANITIZER=address   (ASan + UBSan, into build/address); SANITIZER=thread: TSan
#   make fuzz FUZZ_SECONDS=60                 every fuzz target in turn (clang, libFuzzer)
#   make bench BENCH='--rounds 3'             the benchmark (docs/performance.md)
#   make lint                layers, clang-tidy, cppcheck   make format  clang-format
#   V=1 shows the commands

SANITIZER ?=
BUILD     ?= build$(if $(SANITIZER),/$(SANITIZER))
CC        ?= cc
CLANG     ?= clang
FUZZ_SECONDS ?= 60
V         ?=
Q         := $(if $(V),,@)

VERSION   := $(shell cat VERSION)
PACKAGES  := libuv hiredis libcjson libjwt libsodium libcrypto zlib sqlite3 libpq libexif libcurl
DEB_OF_libuv = libuv1-dev
DEB_OF_hiredis = libhiredis-dev
DEB_OF_libcjson = libcjson-dev
DEB_OF_libjwt = libjwt-dev
DEB_OF_libsodium = libsodium-dev
DEB_OF_libcrypto = libssl-dev
DEB_OF_zlib = zlib1g-dev
DEB_OF_libexif = libexif-dev
DEB_OF_sqlite3 = libsqlite3-dev
DEB_OF_libpq = libpq-dev
DEB_OF_libcurl = libcurl4-openssl-dev

NEEDS_PACKAGES := $(filter-out clean format,$(or $(MAKECMDGOALS),all))
ifneq ($(NEEDS_PACKAGES),)
ifeq ($(shell command -v pkg-config),)
$(error pkg-config is missing: apt-get install pkg-config)
endif
$(foreach p,$(PACKAGES),$(if $(shell pkg-config --exists $(p) && echo yes),,\
  $(error library $(p) is missing: apt-get install $(DEB_OF_$(p)))))
ifeq ($(wildcard /usr/include/civetweb.h /usr/local/include/civetweb.h),)
$(error library civetweb is missing: apt-get install libcivetweb-dev)
endif
ifeq ($(wildcard /usr/include/stb/stb_image.h /usr/local/include/stb/stb_image.h),)
$(error stb is missing: apt-get install libstb-dev)
endif
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Werror
CPPFLAGS += -D_GNU_SOURCE -DLECTERN_VERSION='"$(VERSION)"' -Isrc
CFLAGS   ?= -O2 -g
# Hidden: libraries must not find our functions in place of their own (libjwt's jansson has a
# json_string() too).
VISIBILITY := -fvisibility=hidden
PKG_CFLAGS := $(shell pkg-config --cflags-only-I $(PACKAGES) 2>/dev/null | sed 's/-I/-isystem /g')
BASE_CFLAGS := -std=gnu11 $(WARNINGS) $(VISIBILITY) -fno-common -fstack-protector-strong $(PKG_CFLAGS)
LDLIBS   += $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lcivetweb -lpthread -lm

ifeq ($(SANITIZER),address)
BASE_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(SANITIZER),undefined)
BASE_CFLAGS += -fsanitize=undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=undefined
else ifeq ($(SANITIZER),thread)
BASE_CFLAGS += -fsanitize=thread -O1
LDFLAGS += -fsanitize=thread
else ifneq ($(SANITIZER),)
$(error SANITIZER is address, undefined or thread)
endif

SOURCES := $(sort $(shell find src -name '*.c'))
SCRIPTS := $(sort $(wildcard src/bus/lua/*.lua))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/gen/scripts.o
LIBRARY_OBJECTS := $(filter-out $(BUILD)/src/main.o,$(OBJECTS))
TEST_SOURCES := $(sort $(shell find tests/unit -name 'test_*.c'))
TESTS   := $(TEST_SOURCES:%.c=$(BUILD)/%)
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
FUZZ_CFLAGS := -std=gnu11 $(VISIBILITY) -g -O1 $(PKG_CFLAGS) -fsanitize=fuzzer,address,undefined

.PHONY: all test fuzz fuzzers bench bench-tools lint layers format clean
.DELETE_ON_ERROR:

all: $(BUILD)/lectern

$(BUILD)/lectern: $(OBJECTS)
	@echo '  LINK $@'
	$(Q)$(CC) $(CFLAGS) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo '  CC   $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/scripts.c: src/bus/embed-lua.awk $(SCRIPTS)
	@mkdir -p $(@D)
	@echo '  GEN  $@'
	$(Q)awk -f src/bus/embed-lua.awk $(SCRIPTS) >$@

$(BUILD)/gen/scripts.o: $(BUILD)/gen/scripts.c
	@echo '  CC   $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE_CFLAGS) -Wno-overlength-strings -c -o $@ $<

# Unit tests: each tests/unit/**/test_x.c is a cmocka program of its own.
$(BUILD)/liblectern.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	@echo '  AR   $@'
	$(Q)ar rcs $@ $^

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/liblectern.a
	@mkdir -p $(@D)
	@echo '  TEST $<'
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(BASE_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(BUILD)/liblectern.a \
	  -lcmocka $(LDLIBS)

test: $(TESTS)
	@set -e; for t in $(TESTS); do echo "== $$t"; $$t; done

# Fuzz targets are linked with the sources under clang's own instrumentation.
$(BUILD)/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '  FUZZ $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/gen/scripts.o: $(BUILD)/gen/scripts.c
	@mkdir -p $(@D)
	@echo '  FUZZ $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -Wno-overlength-strings -c -o $@ $<

# stb's JPEG writer shifts bits out of a signed integer; nothing else about it is excused.
$(BUILD)/src/media/stb.o: BASE_CFLAGS += $(if $(filter address undefined,$(SANITIZER)),-fno-sanitize=shift)
$(BUILD)/fuzz/src/media/stb.o: FUZZ_CFLAGS += -fno-sanitize=shift

FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out src/main.c src/http/%,$(SOURCES))) \
  $(BUILD)/fuzz/gen/scripts.o

$(BUILD)/fuzz/libfuzzed.a: $(FUZZ_OBJECTS)
	@rm -f $@
	@echo '  AR   $@'
	$(Q)ar rcs $@ $^

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/fuzz/libfuzzed.a
	@mkdir -p $(@D)
	@echo '  FUZZ $<'
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $< $(BUILD)/fuzz/libfuzzed.a $(LDLIBS)

fuzzers: $(FUZZERS)

# New inputs go to the build directory, never into the kept corpus.
fuzz: $(FUZZERS)
	@set -e; for f in $(FUZZERS); do n=$$(basename $$f); n=$${n#fuzz_}; \
	  mkdir -p $(BUILD)/corpus/$$n; echo "== $$f"; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/corpus/crash-$$n- $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n \
	    2>$(BUILD)/corpus/$$n.log || { tail -40 $(BUILD)/corpus/$$n.log; exit 1; }; \
	  grep -E 'stat::number_of_executed_units|Done' $(BUILD)/corpus/$$n.log; done

# The benchmark's load generator and the bare loop that everything is compared with: docs/performance.md.
BENCH_TOOLS := $(BUILD)/bench/load $(BUILD)/bench/rawserver $(BUILD)/bench/store
BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out bench/rawserver.c bench/store.c,$(wildcard bench/*.c)))

$(BUILD)/bench/load: $(BENCH_OBJECTS) $(BUILD)/liblectern.a
	@echo '  LINK $@'
	$(Q)$(CC) $(CFLAGS) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/rawserver: $(BUILD)/bench/rawserver.o $(BUILD)/liblectern.a
	@echo '  LINK $@'
	$(Q)$(CC) $(CFLAGS) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/store: $(BUILD)/bench/store.o $(BUILD)/liblectern.a
	@echo '  LINK $@'
	$(Q)$(CC) $(CFLAGS) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench-tools: $(BENCH_TOOLS)

# BENCH: options of bench/run.mjs, for example BENCH='--servers raw,lectern --rounds 3'.
bench: all bench-tools
	node bench/run.mjs --build $(BUILD) $(BENCH)

layers:
	scripts/check-layers.sh

lint: layers
	scripts/lint.sh

format:
	clang-format -i $(shell find src tests -name '*.[ch]')

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
