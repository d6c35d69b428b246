package msp

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/queue/dsn"
)

// Process is a Program on this process's own streams, files and clock, but
// for Services and Handoff. It makes two things sure for the process:
//
// A caller that does not read what is said to it does not end it, which would
// be in the middle of a submission. And HOME is set, to what the password file
// says: the mail of a system service or a boot script, which have none, must
// not be refused for that.
func Process(version string) *Program {
	signal.Ignore(syscall.SIGPIPE)
	users := NewPasswdFile(passwdPath)
	if os.Getenv("HOME") == "" {
		if u, ok := users.ByID(os.Getuid()); ok && filepath.IsAbs(u.Home) {
			os.Setenv("HOME", u.Home) //nolint:errcheck // neither name nor value can be wrong
		}
	}
	return &Program{
		Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Getuid: os.Getuid, Now: time.Now, Hostname: os.Hostname,
		Rand: quickRand{}, Users: users, Version: version,
		Config: func(file string) (*config.Config, error) { return config.Load(file, os.Getenv) },
		OpenSpool: func(dirs []string) (Spool, error) {
			return queue.NewSpoolOver(dirs, queue.OS{}, time.Now), nil
		},
		Free:   queue.OS{}.Free,
		Bounce: putBounce,
	}
}

// quickRand is the runtime's own ChaCha8 generator, seeded by the kernel:
// enough for names that must not meet, and nothing to set up at start.
type quickRand struct{}

func (quickRand) Read(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		var word [8]byte
		binary.NativeEndian.PutUint64(word[:], rand.Uint64())
		rest = rest[copy(rest, word[:]):]
	}
	return len(p), nil
}

// putBounce queues a report on what could not even be queued.
func putBounce(ctx context.Context, s Spool, b *Bounce) error {
	report := dsn.Report{
		To: b.To, From: b.To, Hostname: neutral, At: time.Now(), EnvID: b.EnvID,
		Original: b.Message, HeaderOnly: b.HeaderOnly || b.Ret == "HDRS",
	}
	for _, f := range b.Failures {
		report.Recipients = append(report.Recipients, dsn.Recipient{
			Address: f.Address, ORcpt: f.ORcpt, Reply: dsn.Reply{Enhanced: f.Status, Text: f.Text},
		})
	}
	_, err := s.Put(ctx, queue.ReportEnvelope(&report, "", ""), report.Message())
	return err
}
