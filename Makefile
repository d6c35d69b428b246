# make build   the two programs, into bin/
# make test    all tests; what needs a real part that is not here is skipped by name
# make lint    vet, staticcheck, golangci-lint, gofumpt
# make bench   ours beside other programs, in one run
# make nightly 5,000 power cuts, then every fuzz target for FUZZ_TIME (some hours, as root)
# make suspend suspends a virtual machine in the middle of a message (a minute or two; internal/lab/lab.sh install machine)
# make install the programs below PREFIX (DESTDIR is honoured)
# make package dist/mailcrane_VERSION_ARCH.deb and .rpm

PREFIX ?= /usr/local
GO     ?= go

.PHONY: build test lint bench nightly suspend install package

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/ ./cmd/...

test:
	$(GO) test ./...

lint:
	$(GO) vet ./...
	staticcheck ./...
	golangci-lint run
	@unformatted=$$(gofumpt -l .); test -z "$$unformatted" || { echo "not in gofumpt's form: $$unformatted"; exit 1; }

bench:
	$(GO) run ./internal/lab/bench $(BENCH)

# Half of the cuts are made inside one process and half to programs. The seed is
# printed; MAILCRANE_POWERCUT_SEED has the same dice again.
FUZZ_TIME ?= 10m
nightly:
	MAILCRANE_POWERCUT_ROUNDS=2500 $(GO) test -count=1 -timeout 3h -run '^TestPowerCuts' -v ./internal/trial
	internal/lab/fuzz.sh $(FUZZ_TIME)

suspend:
	MAILCRANE_TRIAL_SUSPEND=1 $(GO) test -count=1 -timeout 10m -run '^TestAMachineThatIsSuspended' -v ./cmd/mailcrane

# The shim finds mailcrane beside itself, and must not stand in a PATH folder
# where it would hide another sendmail: the links are made by hand or by the
# program's own set-up.
install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/mailcrane
	install bin/mailcrane bin/sendmail $(DESTDIR)$(PREFIX)/lib/mailcrane/
	ln -sf ../lib/mailcrane/mailcrane $(DESTDIR)$(PREFIX)/bin/mailcrane
	for page in docs/man/*.[158]; do \
		test ! -e "$$page" || install -D -m 644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; \
	done

package:
	installer/packages/build.sh
