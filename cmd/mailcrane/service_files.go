package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailcrane/internal/sysexits"
)

// serviceFilesCommand is for those who build a package. --config is the file
// that the package will have as the machine's.
func (a *app) serviceFilesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "files DIR PROGRAM", Short: "Write the files of a package's service", Hidden: true,
		Long: `files writes the units of the machine's service below DIR, as a package has them
for a program that will stand in PROGRAM, and for the configuration of --config,
which they do not name.`,
		Example: "  mailcrane service files --config mailcrane.toml dist/root /usr/lib/mailcrane/mailcrane",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, words []string) error {
			o, err := a.serviceOptions(false, true)
			if err != nil {
				return err
			}
			o.Program, o.Config = words[1], ""
			for path, text := range o.Packaged() {
				path = filepath.Join(words[0], path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return sysexits.Errorf(sysexits.CantCreat, "", "%w", err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					return sysexits.Errorf(sysexits.CantCreat, "", "%w", err)
				}
			}
			return nil
		},
	}
}
