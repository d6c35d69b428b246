//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// A home is a configuration of ours with its spool.
type home struct {
	config, spool string
}

// home makes one, whose only account takes every sender and has the settings
// given.
func (w *workshop) home(name, account string) (*home, error) {
	dir, err := w.folder(name)
	if err != nil {
		return nil, err
	}
	h := &home{config: filepath.Join(dir, "mailcrane.toml"), spool: filepath.Join(dir, "spool")}
	const settings = `delivery_mode = "deferred"

[queue]
directory = %q

[account.bench]
from = ["me@example.test", "*"]
%s`
	return h, os.WriteFile(h.config, fmt.Appendf(nil, settings, h.spool, account), 0o600)
}

// atSink is a home whose account is at the sink, which is reached by address.
func (w *workshop) atSink(name, address string, s *sink) (*home, error) {
	account, err := w.sinkAccount(address, s)
	if err != nil {
		return nil, err
	}
	return w.home(name, account)
}

// sinkAccount is the settings of an account at the sink.
func (w *workshop) sinkAccount(address string, s *sink) (string, error) {
	if s.kind.plain {
		return fmt.Sprintf("smarthost = \"smtp+insecure://%s\"\nauth = \"none\"\n", address), nil
	}
	scheme := "smtps"
	if s.kind.starttls {
		scheme = "smtp"
	}
	password := filepath.Join(w.dir, "password")
	return fmt.Sprintf("smarthost = \"%s://%s\"\nuser = %q\nauth = \"plain\"\nsecret = \"file:%s\"\ntls = { ca = %q }\n",
		scheme, address, sinkUser, password, s.ca), os.WriteFile(password, []byte(sinkPassword+"\n"), 0o600)
}

func (h *home) env() []string { return []string{"MAILCRANE_CONFIG=" + h.config} }

// submits is the shim that puts mail into the spool.
func (h *home) submits(shim string) contestant {
	return contestant{
		Name: ours, Command: []string{shim, "-t", "-oi"}, Env: h.env(),
		Queue: filepath.Join(h.spool, "queue"), Synced: "file and directory",
	}
}
