package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func (a *app) configExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain NAME", Short: "Say what an option means, how it is set, and to what",
		Long: `explain tells what an option means, how it is set, and what it is set to here.
NAME is a key of the file, sendmail's name in any case, or sendmail's letter.`,
		Example: "  mailcrane config explain timeout.queuereturn\n  mailcrane config explain RecipientFactor\n  mailcrane config explain y",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(_ *cobra.Command, words []string) error { return a.configExplain(words[0]) },
	}
}

func (a *app) configExplain(word string) error {
	o, near := config.Explained(word)
	if o == nil {
		hint := "see all of them in docs/sendmail-options.md"
		if near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return sysexits.Errorf(sysexits.Usage, hint, "there is no option %q", printable(word))
	}
	c, err := a.config()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %s.\n", o.Title(), o.Meaning)
	for _, line := range [][2]string{
		{"as sendmail has it", sendmailForms(o)},
		{"in the file", o.Key},
		{"value", a.valueOf(o)},
		{"least", o.LeastText()},
		{"default", o.Default()},
		{"sendmail's default", o.Theirs},
		{"obeyed by", obeyedBy(o)},
		{"no effect", o.Why},
	} {
		if line[1] != "" {
			fmt.Fprintf(a.stdout, "  %-19s %s\n", line[0]+":", line[1])
		}
	}
	a.explainSet(c, o)
	return nil
}

// sendmailForms are the flags that set the option.
func sendmailForms(o *config.Option) string {
	if o.Name == "" {
		return ""
	}
	form := "-O" + o.Name + "=…"
	if o.Letter != 0 {
		form += " or -o" + string(rune(o.Letter)) + "…"
	}
	return form
}

func (a *app) valueOf(o *config.Option) string {
	if o.Unit == 0 {
		return o.Kind()
	}
	return fmt.Sprintf("%s, as 2h30m; a number alone counts %s", o.Kind(), config.UnitName(o.Unit))
}

func obeyedBy(o *config.Option) string {
	if !o.Obeyed() {
		return ""
	}
	switch o.Side {
	case config.Client:
		return "the sessions with the smarthost"
	case config.Server:
		if strings.HasPrefix(o.Key, "mta.") {
			return "the server (mailcrane mta)"
		}
		return "the listeners for programs of this machine, and the server (mailcrane mta)"
	case config.Both:
		return "the sessions with the smarthost, the listeners for programs of this machine, and the server (mailcrane mta)"
	}
	return "the queue and the programs of this machine"
}

// explainSet prints what the option is here, for each account or queue that
// has it.
func (a *app) explainSet(c *config.Config, o *config.Option) {
	if o.Key == "" {
		return
	}
	table, _ := splitKey(o.Key)
	names := namesIn(c, table)
	if names == nil && !strings.Contains(table, "NAME") {
		names = []string{""}
	}
	for _, name := range names {
		from := "by default"
		if origin := c.Origin(o, name); origin != "" {
			from = "by " + origin
		}
		fmt.Fprintf(a.stdout, "  %-19s %s = %s (%s)\n", "here:", keyFor(o.Key, name), o.Shown(c, name), from)
	}
}
