package mta

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/aliases"
	"mailcrane/mta/certificate"
)

// Become makes the process the user of run_as, when the listeners are open and
// before Serve. What that user cannot read, though it could be read until now, is
// logged with what mends it: a reload would fail by it.
func (s *Server) Become() error {
	c := s.rules.Load().config
	if c.MTA.RunAs == "" {
		return nil
	}
	if dir := certificate.Storage(c); dir != "" {
		if err := give(dir, c.MTA.RunAs); err != nil {
			s.Log.Warn("the directory of ACME's certificates stays as it is", "err", err)
		}
	}
	if err := Become(c.MTA.RunAs); err != nil {
		return err
	}
	s.lookAgain(c)
	return nil
}

// lookAgain opens all that a reload will.
func (s *Server) lookAgain(c *config.Config) {
	user, group, _ := strings.Cut(c.MTA.RunAs, ":")
	if group == "" {
		group = user
	}
	for _, f := range supportFiles(c) {
		in, err := os.Open(f.path)
		if err == nil {
			_ = in.Close() // nothing was read
			continue
		}
		mend := "chgrp " + group + " " + f.path + " && chmod g+r " + f.path
		if f.blame != "" {
			mend += ", and add " + f.blame + " to dont_blame_sendmail of [mta]"
		}
		s.Log.Warn("the user of run_as cannot read this file: it is in use now, and the next reload will fail", "user", user, "file", f.path, "err", err, "next", mend)
	}
	dir := certificate.Storage(c)
	if dir == "" {
		return
	}
	if err := usable(dir); err != nil {
		s.Log.Warn("the user of run_as cannot use the directory of ACME's certificates: none will be fetched or renewed", "user", user, "directory", dir, "err", err,
			"next", "chown -R "+c.MTA.RunAs+" "+dir)
	}
}

// A supportFile is one that a configuration names; blame is the word of
// DontBlameSendmail that lets a group read it, where that takes one.
type supportFile struct{ path, blame string }

func supportFiles(c *config.Config) (all []supportFile) {
	m := &c.MTA
	for _, list := range []supportFile{
		{c.Path, ""},
		{m.Map.Access, ""},
		{m.LocalFile, ""},
		{m.RelayFile, ""},
		{m.Users.File, "GroupReadableSASLDBFile"},
		{m.TLS.Cert, ""},
		{m.TLS.Key, "GroupReadableKeyFile"},
		{m.TLS.CA, ""},
		{m.TLS.CAPath, ""},
		{m.TLS.CRL, ""},
		{m.TLS.ACME.CA, ""},
	} {
		for path := range strings.FieldsFuncSeq(list.path, func(c rune) bool { return c == ',' || c == ' ' }) {
			all = append(all, supportFile{path, list.blame})
		}
	}
	for _, setting := range m.Map.Aliases {
		if path, ok := aliases.TextFile(setting); ok {
			all = append(all, supportFile{path, ""})
		}
	}
	return all
}

// usable says whether files can be made in a directory, and those in it read.
func usable(dir string) error {
	made, err := os.CreateTemp(dir, ".mailcrane-*")
	if err != nil {
		return err
	}
	_ = made.Close()           // nothing was written
	_ = os.Remove(made.Name()) // it was made a moment ago
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		in, err := os.Open(path)
		if err == nil {
			_ = in.Close() // nothing was read
		}
		return err
	})
}
