package main

import (
	"fmt"
	"strings"

	"mailcrane/installer/migrate"
)

// A foundItem is what one program had, in --json.
type foundItem struct {
	Program  string         `json:"program"`
	Files    []string       `json:"files"`
	Accounts []accountItem  `json:"accounts"`
	Left     []migrate.Left `json:"left"`
	Messages int            `json:"messages"`
}

// An accountItem is an account as it was made. Passwords never show.
type accountItem struct {
	Name      string   `json:"name"`
	From      []string `json:"from"`
	Smarthost string   `json:"smarthost"`
	User      string   `json:"user,omitempty"`
	// Password says that the program had one in a file.
	Password bool `json:"password"`
}

// say tells a result, but in --json.
func (i *importing) say(format string, args ...any) {
	if !i.json {
		sayLine(i.stdout, "", fmt.Sprintf(format, args...))
	}
}

// sayFound tells what each program has, and what of it stays behind.
func (i *importing) sayFound() {
	for _, f := range i.found {
		if i.json {
			writeJSON(i.stdout, foundOf(f))
			continue
		}
		i.say("%s: %s, %s waiting", f.Program, count(len(f.Accounts), "account"), count(len(f.Queue), "message"))
		for _, file := range f.Files {
			i.say("  read %s", file)
		}
		for _, account := range f.Accounts {
			i.say("  account %s: %s by %s", account.Name, strings.Join(account.From, ", "), account.Smarthost)
		}
		if len(f.Left) > 0 {
			i.say("  not taken over:")
		}
		for _, left := range f.Left {
			p := newPage(i.stdout)
			p.line("  "+printable(left.Where)+": ", printable(left.Why))
			if left.Mend != "" {
				p.line("    ", printable(left.Mend))
			}
			p.Flush() //nolint:errcheck // no more is done about one of fmt.Fprintln
		}
	}
}

func foundOf(f *migrate.Found) foundItem {
	item := foundItem{Program: f.Program, Files: f.Files, Accounts: []accountItem{}, Left: f.Left, Messages: len(f.Queue)}
	if item.Files == nil {
		item.Files = []string{}
	}
	if item.Left == nil {
		item.Left = []migrate.Left{}
	}
	for _, a := range f.Accounts {
		item.Accounts = append(item.Accounts, accountItem{Name: a.Name, From: a.From, Smarthost: a.Smarthost.String(), User: a.User, Password: a.Password.Known()})
	}
	return item
}

// sayCandidate shows the new file as it will be.
func (i *importing) sayCandidate() {
	if i.candidate == nil || i.json {
		return
	}
	for _, name := range i.candidate.Skipped {
		i.say("The account %s is in %s already.", name, i.candidate.Path)
	}
	switch {
	case string(i.candidate.Before) != string(i.candidate.After):
	case i.candidate.Before == nil:
		i.say("There is no account to write into %s.", i.candidate.Path)
		return
	default:
		i.say("%s stays as it is.", i.candidate.Path)
		return
	}
	i.say("%s, as it will be:", i.candidate.Path)
	for line := range strings.Lines(string(i.candidate.After)) {
		fmt.Fprintln(i.stdout, "  "+printable(strings.TrimSuffix(line, "\n")))
	}
}

// sayTaken tells what became of a message.
func (i *importing) sayTaken(item importedItem) {
	switch {
	case i.json:
		writeJSON(i.stdout, item)
	case item.ID == "":
		note(i.stderr, "%s: not taken over: %s", item.File, item.Why)
	case item.Done == "held":
		i.say("%s  held, from %s; send it with: mailcrane queue release %s", item.ID, item.File, item.ID)
	default:
		i.say("%s  %s, from %s", item.ID, item.Done, item.File)
	}
}
