package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailcrane/cmd/mailcrane/events"
	"mailcrane/installer/checkup"
	"mailcrane/installer/migrate"
	"mailcrane/mta/trace"
	tells "mailcrane/mta/watch"
	"mailcrane/netwatch"
	"mailcrane/netwatch/network"
	"mailcrane/queue"
)

// The words stand in scripts of people.
func TestThePageAboutJSONHasEveryEvent(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash("../../docs/json.md"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("events", "item.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "The words of `event`.")
	var documented, told []string
	for line := range strings.Lines(list) {
		if words, _, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(words, "- ") {
			for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(words, -1) {
				documented = append(documented, m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\t[A-Z]\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		told = append(told, m[1])
	}
	slices.Sort(documented)
	slices.Sort(told)
	if len(told) < 20 || !slices.Equal(documented, told) {
		t.Errorf("the page has %q, the program %q", documented, told)
	}
}

// fieldsOf is the names that a struct has in JSON, but for those of an
// embedded message, which have a table of their own.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && f.Type == reflect.TypeFor[queueItem]():
		case f.Anonymous:
			names = append(names, fieldsOf(f.Type)...)
		case tag != "" && tag != "-":
			names = append(names, tag)
		}
	}
	slices.Sort(names)
	return names
}

func TestThePageAboutJSONHasEveryFieldAndNoOther(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash("../../docs/json.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string][]string)
	name := regexp.MustCompile("`([a-z_]+)`")
	section := ""
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(heading)
		}
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok || section == "" {
			continue
		}
		cell, _, _ = strings.Cut("`"+cell, " | ")
		for _, match := range name.FindAllStringSubmatch(cell, -1) {
			documented[section] = append(documented[section], match[1])
		}
	}
	types := map[string]reflect.Type{
		"What was done":              reflect.TypeFor[doneToItem](),
		"A message that was fetched": reflect.TypeFor[fetchedItem](),
		"A line of trace":            reflect.TypeFor[trace.Line](),
		"A recipient in the log":     reflect.TypeFor[tells.Recipient](),
		"The health of a server":     reflect.TypeFor[tells.Health](),
		"A check of the health":      reflect.TypeFor[tells.State](),
		"A message":                  reflect.TypeFor[queueItem](),
		"A recipient":                reflect.TypeFor[recipientItem](),
		"A message with its history": reflect.TypeFor[shownItem](),
		"A record of the history":    reflect.TypeFor[queue.Record](),
		"A transcript":               reflect.TypeFor[transcriptItem](),
		"An explanation":             reflect.TypeFor[explanation](),
		"A chapter of a story":       reflect.TypeFor[chapter](),
		"A finished message":         reflect.TypeFor[doneItem](),
		"A result":                   reflect.TypeFor[resultItem](),
		"A session":                  reflect.TypeFor[sessionItem](),
		"A queue run":                reflect.TypeFor[runItem](),
		"An event":                   reflect.TypeFor[events.Item](),
		"An address":                 reflect.TypeFor[addressItem](),
		"A step of the way":          reflect.TypeFor[stepItem](),
		"A finding":                  reflect.TypeFor[checkup.Finding](),
		"A status":                   reflect.TypeFor[statusReport](),
		"The agent of a status":      reflect.TypeFor[agentItem](),
		"The network of a status":    reflect.TypeFor[network.State](),
		"The standing of an account": reflect.TypeFor[netwatch.Standing](),
		"An account of a status":     reflect.TypeFor[accountStatus](),
		"What another program has":   reflect.TypeFor[foundItem](),
		"An account that is taken":   reflect.TypeFor[accountItem](),
		"What is not taken over":     reflect.TypeFor[migrate.Left](),
		"A message of another queue": reflect.TypeFor[importedItem](),
		"The queue of a status":      reflect.TypeFor[queueStatus](),
		"A door of a status":         reflect.TypeFor[doorStatus](),
	}
	for section, typ := range types {
		got := documented[section]
		slices.Sort(got)
		if want := fieldsOf(typ); !slices.Equal(got, want) {
			t.Errorf("%s: the page has %v, the program %v", section, got, want)
		}
		delete(documented, section)
	}
	if len(documented) > 0 {
		t.Errorf("the page has more: %v", documented)
	}
}
