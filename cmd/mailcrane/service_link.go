package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"mailcrane/installer/links"
	"mailcrane/internal/sysexits"
)

// linkCommands are those that give the names of sendmail to the shim and back.
func (a *app) linkCommands() []*cobra.Command {
	replace := false
	link := &cobra.Command{
		Use: "link", Short: "Have sendmail, mailq and newaliases be mailcrane's",
		Long: `link makes sendmail, mailq and newaliases of this machine lead to mailcrane, through
update-alternatives where there is one. A name that another mail program owns is
refused, unless --replace says otherwise: then what was there is kept, and
"mailcrane service unlink" puts it back.`,
		Example: "  sudo mailcrane service link\n  sudo mailcrane service link --replace",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.changeLinks(func(l *links.Links) ([]links.Link, error) { return l.Install(cmd.Context(), replace) },
				func(l links.Link) string { return l.Path + " is mailcrane's now" + kept(l) }, "they are mailcrane's already")
		},
	}
	link.Flags().BoolVar(&replace, "replace", false, "also where another mail program owns the name; what was there is kept")
	unlink := &cobra.Command{
		Use: "unlink", Short: "Give sendmail, mailq and newaliases back",
		Example: "  sudo mailcrane service unlink",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.unlink(cmd.Context(), "none of them is mailcrane's")
		},
	}
	return []*cobra.Command{link, unlink}
}

// unlink says nothing, where nothing is to be given back, if otherwise is "".
func (a *app) unlink(ctx context.Context, otherwise string) error {
	return a.changeLinks(func(l *links.Links) ([]links.Link, error) { return l.Remove(ctx) },
		func(l links.Link) string {
			if l.Kept != "" || l.Package != "" {
				return l.Path + " is as it was before"
			}
			return l.Path + " is taken away"
		}, otherwise)
}

// kept is what became of what was there.
func kept(l links.Link) string {
	switch {
	case l.State != links.Foreign:
		return ""
	case l.Group != "":
		return "; what was chosen before is still in the alternatives as " + l.Group
	}
	return "; what was there is kept as " + l.Path + links.Saved
}

func (a *app) changeLinks(change func(*links.Links) ([]links.Link, error), say func(links.Link) string, otherwise string) error {
	if runtime.GOOS == "windows" {
		return sysexits.Errorf(sysexits.Unavailable, "give your programs the path of the sendmail.exe beside mailcrane.exe", "Windows has no common name for sendmail")
	}
	own, err := os.Executable()
	if err != nil {
		return sysexits.Errorf(sysexits.OSErr, "", "cannot find this program: %w", err)
	}
	shim, err := links.Shim(own)
	if err != nil {
		return err
	}
	changed, err := change(links.New(links.Options{Shim: shim}))
	for _, l := range changed {
		fmt.Fprintln(a.stdout, say(l))
	}
	if err == nil && len(changed) == 0 && otherwise != "" {
		fmt.Fprintln(a.stdout, otherwise)
	}
	return err
}
