package main

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mailcrane/installer/candidate"
	"mailcrane/installer/migrate"
	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// importWishes are the flags of import.
type importWishes struct {
	migrate.Options

	root, address, secret        string
	dryRun, yes, system, release bool
}

func (a *app) importCommand() *cobra.Command {
	var w importWishes
	c := &cobra.Command{
		Use: "import [FILE...]", Short: "Take over settings and queued mail of another mail program",
		Long: `import reads what msmtp, nullmailer, dma, ssmtp, esmtp, Postfix, Exim, sendmail
and git send-email have in their usual places, or the files that are named, and
makes accounts of it. It shows the new configuration and what it cannot carry,
and asks before it writes. Accounts are added to a configuration that is there;
nothing in it is changed. Passwords go to the keyring, or, where there is none,
to files that only you can read.

Mail that waits in their queues is copied into the queue here, and held: stop the
other program first, since otherwise both would send it; then let it go with
mailcrane queue release. --release does both at once, and refuses while the other
program runs. Importing again queues nothing twice.

The files and queues of the other programs stay as they are.`,
		Example: "  mailcrane import --dry-run\n  mailcrane import --from msmtp\n  sudo mailcrane import --from postfix --system\n  mailcrane import ~/old/.msmtprc",
		RunE: func(cmd *cobra.Command, words []string) error {
			w.Files = words
			return a.importAll(cmd.Context(), w)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&w.Programs, "from", nil, "look for this `program` only: "+strings.Join(migrate.Programs(), ", "))
	f.StringVar(&w.root, "root", "/", "read the machine whose root `directory` this is, such as a mounted disk")
	f.StringVar(&w.address, "address", "", "your own `address`, where the old settings do not say it")
	f.BoolVar(&w.dryRun, "dry-run", false, "show what would be taken over, and write nothing")
	f.BoolVar(&w.SettingsOnly, "settings-only", false, "leave the queues alone")
	f.BoolVar(&w.QueueOnly, "queue-only", false, "take the queues only")
	f.BoolVar(&w.release, "release", false, "let the queued mail go at once; the other program must not run")
	f.StringVar(&w.secret, "secret", "", "where passwords are `kept`: keyring, file")
	f.BoolVar(&w.system, "system", false, "for the whole machine: /etc/mailcrane/mailcrane.toml")
	f.BoolVar(&w.yes, "yes", false, "do not ask before writing")
	f.BoolVar(&a.json, "json", false, "one JSON object a line")
	return c
}

// check refuses flags that mean nothing.
func (w importWishes) check() error {
	for _, name := range w.Programs {
		if !slices.Contains(migrate.Programs(), name) {
			return sysexits.Errorf(sysexits.Usage, "write one of "+strings.Join(migrate.Programs(), ", "), "mailcrane reads nothing of %s", address.Shown(name))
		}
	}
	if w.SettingsOnly && w.QueueOnly {
		return sysexits.Errorf(sysexits.Usage, "leave both away to have both", "--settings-only and --queue-only leave nothing to do")
	}
	if w.QueueOnly && len(w.Files) > 0 {
		return sysexits.Errorf(sysexits.Usage, "for the queues of another disk: --root DIRECTORY", "a queue is not named by a file")
	}
	switch {
	case w.secret != "" && w.secret != "keyring" && w.secret != "file":
		return sysexits.Errorf(sysexits.Usage, "write --secret keyring, or --secret file", "passwords cannot be kept in %s", address.Shown(w.secret))
	case w.secret == "keyring" && w.system:
		return sysexits.Errorf(sysexits.Usage, "leave --secret away", "the machine's agent has no session, and so no keyring")
	}
	if w.address != "" {
		if err := address.Valid(w.address); err != nil {
			return sysexits.Errorf(sysexits.Usage, "write it as you@example.org", "--address %s: %w", address.Shown(w.address), err)
		}
	}
	return nil
}

// machineToRead is the one whose files are read, with the person's home on it.
func (a *app) machineToRead(w importWishes) *migrate.Machine {
	root, err := filepath.Abs(w.root)
	if err != nil {
		root = w.root
	}
	user := a.getenv("LOGNAME")
	if user == "" {
		user = a.getenv("USER")
	}
	return &migrate.Machine{
		Root: root, Home: config.Home(a.getenv), User: user, Address: w.address,
		Getenv: a.getenv, Git: git, Running: processRuns,
	}
}

func (a *app) importAll(ctx context.Context, w importWishes) error {
	if err := w.check(); err != nil {
		return err
	}
	machine := a.machineToRead(w)
	found, err := migrate.Read(ctx, machine, w.Options)
	if err != nil {
		return err
	}
	i := &importing{app: *a, wishes: w, machine: machine, found: found}
	if !w.QueueOnly || w.system { // the queue alone goes into the one that there is
		if i.configFile, err = a.setupFile(w.system); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		names := w.Programs
		if len(names) == 0 {
			names = migrate.Programs()
		}
		return sysexits.Errorf(sysexits.NoInput, "name the file: mailcrane import FILE; or see: mailcrane setup",
			"nothing of %s was found in the usual places", strings.Join(names, ", "))
	}
	return i.run(ctx)
}

// An importing is one run of import.
type importing struct {
	app

	wishes    importWishes
	machine   *migrate.Machine
	found     []*migrate.Found
	candidate *candidate.File // nil where no settings are taken
	// passwords are those to be kept, by the account's name in the candidate.
	passwords map[string]migrate.Password
	// refused is how many messages could not be taken.
	refused int
}

func (i *importing) run(ctx context.Context) error {
	if err := i.stopped(); err != nil {
		return err
	}
	if !i.wishes.QueueOnly {
		if err := i.compose(ctx); err != nil {
			i.sayFound()
			return err
		}
	}
	i.sayFound()
	i.sayCandidate()
	if i.wishes.dryRun {
		i.say("Nothing was written.")
		return nil
	}
	if err := i.agree(); err != nil {
		return err
	}
	if err := i.write(ctx); err != nil {
		return err
	}
	return i.takeQueues(ctx)
}

// stopped refuses --release while a program runs that would send the same mail.
func (i *importing) stopped() error {
	if !i.wishes.release || i.wishes.dryRun || i.wishes.SettingsOnly {
		return nil
	}
	for _, f := range i.found {
		if len(f.Queue) == 0 {
			continue
		}
		if by := i.machine.Runs(f.Program); by != "" {
			return sysexits.Errorf(sysexits.TempFail, "stop it: "+migrate.StopCommand(f.Program)+"; or leave --release away, so that the mail is held",
				"%s, and both would send the same mail; nothing was taken", by)
		}
	}
	return nil
}

// agree asks before anything is written.
func (i *importing) agree() error {
	changes := i.candidate != nil && string(i.candidate.Before) != string(i.candidate.After)
	letters := 0
	for _, f := range i.found {
		letters += len(f.Queue)
	}
	if i.wishes.yes || !changes && letters == 0 {
		return nil
	}
	file, ok := i.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return sysexits.Errorf(sysexits.Usage, "add --yes to write this, or --dry-run to see it only", "nothing was written: there is no terminal here to ask on")
	}
	note(i.stderr, "take this over? [y/N]")
	line, _ := bufio.NewReader(file).ReadString('\n')
	if !strings.EqualFold(strings.TrimSpace(line), "y") && !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return sysexits.Errorf(sysexits.TempFail, "", "nothing was written")
	}
	return nil
}
