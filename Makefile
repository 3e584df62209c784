# make                     the program: build/release/larder
# make test                unit tests and the fuzz corpora, replayed
# make check               floors, words, format, lint, reference = tables
# make BUILD=asan test     the same under ASan and UBSan; also debug, tsan, cover, fuzz
# make fuzz SECONDS=30     each fuzz target for so long (clang's libFuzzer)
# make docs                docs/reference from the tables
# make bench-engine [TRACES=FOLDER]   measures the engine: the tables in bench/RESULTS.md
# make CC=clang-14 O=/tmp/x   another compiler, another folder
MAKEFLAGS += --output-sync=target
BUILD   ?= release
O       ?= build/$(BUILD)
SECONDS ?= 10
LIBRARIES := yaml-0.1 jansson libzstd libpcre2-8 libssl libcrypto libbrotlienc zlib libnghttp2 libcares

HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong
# The program is optimized as a whole; the tests are linked as they are, which is quicker.
FLAGS_release := -O2 -g -flto=auto -ffat-lto-objects -fPIE $(HARDEN)
FLAGS_debug   := -O0 -g -DLARDER_DEBUG
FLAGS_asan    := -O1 -g -DLARDER_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -DLARDER_DEBUG -fsanitize=thread
FLAGS_cover   := -O0 -g -DLARDER_DEBUG --coverage
FLAGS_fuzz    := -O1 -g -DLARDER_DEBUG -fsanitize=fuzzer-no-link,address,undefined \
                 -fno-sanitize-recover=all
LINK_release  := -pie -Wl,-z,relro,-z,now
LINK_TESTS_release := -fno-lto
LINK_fuzz     := -fsanitize=fuzzer
ifeq ($(BUILD),fuzz)
CC := clang-14
endif
ifeq ($(origin CC),default)
CC := gcc
endif

WARN   := -Wall -Wextra -Werror -Wshadow -Wconversion -Wvla -Wswitch-enum -Wstrict-prototypes \
          -Wmissing-prototypes -Wimplicit-fallthrough
STD    := -std=gnu2x -D_GNU_SOURCE -Isrc -Itests/unit $(shell pkg-config --cflags $(LIBRARIES))
CFLAGS := $(STD) -MMD -MP -fvisibility=hidden $(WARN) $(FLAGS_$(BUILD)) $(EXTRA)
LIBS   := $(shell pkg-config --libs $(LIBRARIES)) -lm -lpthread

ROOMS  := $(filter-out src/cli/main.c,$(sort $(wildcard src/*/*.c src/*/*/*.c)))
# tests/net speaks over sockets, but is linked like a unit test.
UNITS  := $(patsubst %.c,$O/%,$(sort $(wildcard tests/unit/*/*_test.c tests/unit/*/*/*_test.c \
          tests/net/*_test.c)))
FUZZ   := $(patsubst %.c,$O/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
CODE   := $(wildcard src/*/*.[ch] src/*/*/*.[ch] tests/unit/*.[ch] tests/unit/*/*.[ch] \
          tests/unit/*/*/*.[ch] tests/net/*.[ch] tests/fuzz/*.[ch])
obj     = $(patsubst %.c,$O/obj/%.o,$(1))

all: $O/larder
$O/larder: $(call obj,src/cli/main.c) $O/rooms.a
$(filter $O/tests/net/%,$(UNITS)): $O/%: $O/obj/tests/net/pair.o
# The made-up world in which the engine is tried, by the unit test and by the fuzzer.
$O/tests/unit/cache/simulation_test $O/tests/fuzz/cache_fuzz: $(call obj,\
    $(wildcard tests/unit/cache/sim.c tests/unit/cache/sim_*.c))
$O/tests/unit/cache/orders_test: $O/obj/tests/unit/cache/actors.o
$(UNITS): $O/%: $O/obj/%.o $O/obj/tests/unit/t.o $O/rooms.a
ifeq ($(BUILD),fuzz)
$(FUZZ): $O/%: $O/obj/%.o $O/rooms.a
else
$(FUZZ): $O/%: $O/obj/%.o $O/obj/tests/fuzz/replay.o $O/rooms.a
endif
$O/larder $(UNITS) $(FUZZ):
	@mkdir -p $(@D)
	@echo "link $@"
	@$(CC) $(CFLAGS) $(LINK_$(BUILD)) $(if $(filter %/larder,$@),,$(LINK_TESTS_$(BUILD))) -o $@ $^ $(LIBS)
$O/rooms.a: $(call obj,$(ROOMS))
	@rm -f $@
	@ar rcsP $@ $^
$O/obj/%.o: %.c $O/flags
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	@$(CC) $(CFLAGS) -c -o $@ $<
# Written anew only when the flags differ from the last build's, so that a change of flags rebuilds.
$O/flags: always
	@mkdir -p $(@D); echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

test: $(UNITS:%=run-%) $(FUZZ:%=run-%)
$(UNITS:%=run-%): run-%: %
	@echo "== $<"; $<
$(FUZZ:%=run-%): run-%: %
	@echo "== $<"; $< tests/fuzz/corpus/$(notdir $(patsubst %_fuzz,%,$<))
fuzz:
	$(MAKE) BUILD=fuzz $(patsubst $O/%,build/fuzz/%,$(FUZZ))
	@for t in $(notdir $(patsubst %_fuzz,%,$(FUZZ))); do mkdir -p build/fuzz/found/$$t; \
	  echo "== fuzzing $$t for $(SECONDS) s"; \
	  build/fuzz/tests/fuzz/$${t}_fuzz -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=0 -verbosity=0 -artifact_prefix=build/fuzz/found/$$t- \
	    build/fuzz/found/$$t tests/fuzz/corpus/$$t || exit 1; done

check: docs
	tools/floors.py
	tools/words.py
	git diff --exit-code docs/reference
	clang-format --dry-run --Werror $(CODE)
	@$(MAKE) --no-print-directory lint
# clang-tidy looks at a file again only when it, or something it includes, changed.
lint: $(patsubst %.c,build/lint/%.ok,$(filter %.c,$(CODE)))
build/lint/%.ok: %.c .clang-tidy $(wildcard src/*/*.[hd]* src/*/*/*.[hd]*)
	@mkdir -p $(@D)
	@echo "clang-tidy $<"
	@clang-tidy --quiet $< -- $(STD) 2>/dev/null && touch $@
docs: $O/larder
	@mkdir -p docs/reference
	@for t in $$($O/larder --describe=tables); do $O/larder --describe=$$t \
	  > docs/reference/$$t.md || exit 1; done
	@tools/rules.py
bench-engine:
	@mkdir -p build
	bench/engine.sh $(TRACES) > build/engine.md
	bench/section.py bench/RESULTS.md < build/engine.md
format:
	clang-format -i $(CODE)
clean:
	rm -rf build
.PHONY: all test fuzz check lint docs bench-engine format clean always $(UNITS:%=run-%) $(FUZZ:%=run-%)
.SECONDARY:
-include $(shell find $O -name '*.d' 2>/dev/null)
