package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// mtaAliasOptions are for aliases and .forward of a server.
var mtaAliasOptions = []Option{
	{
		Key: "mta.map.aliases", Side: Server, words: "none", path: true,
		Meaning: "where mail to local names goes, as a list that is asked in order: files in the form of /etc/aliases, or sqlite:FILE, postgres:FILE, ldap:FILE",
		config:  func(c *Config) any { return &c.MTA.Map.Aliases }, check: checkAliasMap,
	},
	{
		Name: "MaxAliasRecursion", Key: "mta.route.max_alias_recursion", Side: Server, Least: 1,
		Meaning: "how deep aliases may refer to each other in server mode; for a submission it is ten",
		config:  func(c *Config) any { return &c.MTA.Routing.MaxAliasRecursion },
	},
	{
		Name: "MeToo", Letter: 'm', Key: "mta.route.me_too", Side: Server,
		Meaning: "whether a sender who is on a list gets a copy too",
		config:  func(c *Config) any { return &c.MTA.Routing.MeToo },
	},
	{
		Name: "ForwardPath", Letter: 'J', Key: "mta.deliver.forward_path", Side: Server, Theirs: "$z/.forward",
		Meaning: "where .forward files are looked for, a list with colons in which $u is the user, $z the home directory, $h +detail, $w our short name, $r protocol, $s client and $f sender; empty looks for none",
		config:  func(c *Config) any { return &c.MTA.Deliver.ForwardPath }, check: checkForwardPath,
	},
	{
		Name: "Timeout.fileopen", Key: "timeout.fileopen", Side: Server, Unit: time.Minute,
		Meaning: "a .forward or a file of :include: to be opened and read; 0 waits for ever",
		config:  func(c *Config) any { return &c.Timeout.FileOpen },
	},
}

// checkAliasMap refuses what sendmail's AliasFile can name and nothing here can
// read.
func checkAliasMap(text string) (string, error) {
	name := strings.TrimSpace(strings.TrimPrefix(text, "-D "))
	if name == "" {
		return "", errors.New("write a path, or take the entry out")
	}
	for _, class := range [...]string{"nis:", "nisplus:", "netinfo:", "implicit:", "program:"} {
		if strings.HasPrefix(name, class) {
			return "", fmt.Errorf("aliases cannot be read from %s: write a path, or sqlite:FILE, postgres:FILE or ldap:FILE", strings.TrimSuffix(class, ":"))
		}
	}
	return text, nil
}

// ForwardMacros are the letters that may stand behind $ in ForwardPath.
const ForwardMacros = "uzhwrsf"

// checkForwardPath refuses what would be looked for nowhere, or anywhere.
func checkForwardPath(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	for path := range strings.SplitSeq(text, ":") {
		if path == "" {
			continue
		}
		if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "$z") {
			return "", fmt.Errorf("%s is no place for a .forward: begin it with / or $z", quotedText(path))
		}
		for i := range len(path) {
			if path[i] == '$' && (i+1 == len(path) || !strings.Contains(ForwardMacros, path[i+1:i+2])) {
				return "", fmt.Errorf("%s has a $ before something else than one of the letters %s", quotedText(path), ForwardMacros)
			}
		}
		for part := range strings.SplitSeq(path, "/") {
			if part == ".." {
				return "", fmt.Errorf("%s leads out of its directory: leave the .. out", quotedText(path))
			}
		}
	}
	return text, nil
}
