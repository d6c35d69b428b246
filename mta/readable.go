package mta

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta/aliases"
	"mailcrane/mta/certificate"
	"mailcrane/mta/maps"
	"mailcrane/mta/safefile"
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
	for _, f := range SupportFiles(c) {
		in, err := os.Open(f.Path)
		if err == nil {
			_ = in.Close() // nothing was read
			continue
		}
		what := "it is in use now, and the next reload will fail"
		if f.Map {
			what = "mail that needs it waits"
		}
		s.Log.Warn("the user of run_as cannot read this file: "+what, "user", user, "file", f.Path, "err", err, "next", f.Mend(user, group))
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

// A SupportFile is one that a configuration names, and that the server's user must
// be able to read.
type SupportFile struct {
	Path string
	// Blame is the word of DontBlameSendmail that lets a group read it, where that
	// takes one; Own says that it must be nobody else's at all.
	Blame string
	Own   bool
	// Map says that mail which needs it waits while it cannot be read; without any
	// other the server does not start.
	Map bool
}

// Mend is what to type so that a user and its group can read the file.
func (f SupportFile) Mend(user, group string) string {
	switch {
	case f.Own:
		return "chown " + user + " " + f.Path + " && chmod 600 " + f.Path
	case f.Blame != "":
		return "chgrp " + group + " " + f.Path + " && chmod g+r " + f.Path + ", and add " + f.Blame + " to dont_blame_sendmail of [mta]"
	}
	return "chgrp " + group + " " + f.Path + " && chmod g+r " + f.Path
}

// SupportFiles are those of a configuration, and of its databases what can be seen
// of them.
func SupportFiles(c *config.Config) (all []SupportFile) {
	m := &c.MTA
	for _, list := range []SupportFile{
		{Path: c.Path},
		{Path: m.Map.Access, Map: true},
		{Path: m.LocalFile},
		{Path: m.RelayFile},
		{Path: m.Routing.VirtHostFile},
		{Path: m.Routing.GenericsFile},
		{Path: m.Users.File, Blame: "GroupReadableSASLDBFile"},
		{Path: m.TLS.Cert},
		{Path: m.TLS.Key, Blame: "GroupReadableKeyFile"},
		{Path: m.TLS.CA},
		{Path: m.TLS.CAPath},
		{Path: m.TLS.CRL},
		{Path: m.TLS.ACME.CA},
	} {
		for path := range strings.FieldsFuncSeq(list.Path, func(c rune) bool { return c == ',' || c == ' ' }) {
			f := list
			f.Path = path
			all = append(all, f)
		}
	}
	safe, err := trusting(c)
	if err != nil {
		safe = safefile.Rules{} // what a definition names is not found, then
	}
	for _, setting := range []string{m.Map.Mailertable, m.Map.Virtusertable, m.Map.Domaintable, m.Map.Genericstable} {
		all = append(all, ofMap(setting, maps.Needed(setting, maps.Options{Kind: safefile.Map, Rules: safe}))...)
	}
	for _, setting := range m.Map.Aliases {
		if path, ok := aliases.TextFile(setting); ok {
			all = append(all, SupportFile{Path: path, Map: true})
			continue
		}
		all = append(all, ofMap(setting, maps.Needed(setting, maps.Options{Kind: safefile.Alias, Rules: safe}))...)
	}
	return all
}

func ofMap(setting string, n maps.Needs) (all []SupportFile) {
	if setting == "" {
		return nil
	}
	for _, path := range n.Files {
		all = append(all, SupportFile{Path: path, Map: true, Own: path == n.Password})
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
