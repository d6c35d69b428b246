package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mailcrane/internal/config"
)

// configShow prints what is set as a file that sets it.
func (a *app) configShow() error {
	c, err := a.config()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "# %s\n", orDefault(c.Path))
	for _, table := range keyTables() {
		switch general, names := table, namesIn(c, table); {
		case names != nil:
			for _, name := range names {
				a.showTable(c, general, name)
			}
		case !strings.Contains(general, "NAME"):
			a.showTable(c, general, "")
		}
	}
	return nil
}

// keyTables are the tables of the file in the order of the options, "" first:
// a key without a table must stand above all tables.
func keyTables() []string {
	tables := []string{""}
	for o := range config.Options() {
		if table, _ := splitKey(o.Key); o.Key != "" && !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables
}

// splitKey divides account.NAME.tls.ca into its table, account.NAME, and
// tls.ca.
func splitKey(key string) (table, name string) {
	if before, after, named := strings.Cut(key, ".NAME."); named {
		return before + ".NAME", after
	}
	table, name, inTable := strings.Cut(key, ".")
	if !inTable {
		return "", table
	}
	return table, name
}

// namesIn are the accounts, rules or queues that a table stands for.
func namesIn(c *config.Config, table string) (names []string) {
	switch table {
	case "account.NAME":
		for _, account := range c.Accounts {
			names = append(names, account.Name)
		}
	case "policy.NAME":
		for _, rule := range c.Rules {
			names = append(names, rule.Name)
		}
	case "queue.slow.NAME":
		for _, q := range c.Queue.Slow {
			names = append(names, q.Name)
		}
	case "mta.listen.NAME":
		return numbers(len(c.MTA.Listeners))
	case "mta.dnsbl.NAME":
		return numbers(len(c.MTA.DNSBLs))
	}
	return names
}

// numbers are the names of the tables of a list.
func numbers(length int) (names []string) {
	for i := range length {
		names = append(names, strconv.Itoa(i+1))
	}
	return names
}

func (a *app) showTable(c *config.Config, table, name string) {
	switch list, listed := strings.CutSuffix(table, ".NAME"); {
	case listed && strings.HasPrefix(list, "mta."):
		fmt.Fprintf(a.stdout, "\n[[%s]]\n", list)
	case table == "mta" && len(c.MTA.Listeners) == 0:
		return // no server
	case table != "":
		fmt.Fprintf(a.stdout, "\n[%s]\n", keyFor(table, name))
	}
	for o := range config.Options() {
		in, last := splitKey(o.Key)
		// An empty default_account would be one that there is not.
		if o.Key == "" || in != table || o.Key == "default_account" && c.DefaultAccount == nil {
			continue
		}
		if table == "policy.NAME" && c.Origin(o, name) == "" {
			continue // a condition that is not set has no value
		}
		fmt.Fprintf(a.stdout, "%s = %s\n", last, o.Shown(c, name))
	}
}

// keyFor puts the name of an account, rule or queue into a key; one with a dot
// stands in quotes.
func keyFor(general, name string) string {
	if strings.Contains(name, ".") {
		name = fmt.Sprintf("%q", name)
	}
	return strings.Replace(general, "NAME", name, 1)
}

func orDefault(path string) string {
	if path == "" {
		return "no configuration file; all is default"
	}
	return path
}
