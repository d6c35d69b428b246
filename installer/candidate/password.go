package candidate

import (
	"path/filepath"

	"mailcrane/internal/sysexits"
)

// PasswordFile is where an account's password stands that is kept in a file:
// beside the configuration.
func PasswordFile(configuration, account string) string {
	return filepath.Join(filepath.Dir(configuration), account+".password")
}

// WritePassword writes a file that its owner alone can read, synced, whole or
// not at all.
func WritePassword(path, password string) error {
	if err := replace(path, []byte(password+"\n"), false); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "look at the directory with: ls -ld "+filepath.Dir(path), "cannot keep the password: %w", err)
	}
	return nil
}
