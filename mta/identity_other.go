//go:build !unix

package mta

import "mailcrane/internal/sysexits"

// Become refuses: a service of this system is given its user by its manager.
func Become(name string) error {
	if name == "" {
		return nil
	}
	return sysexits.Errorf(sysexits.Config, "take [mta] run_as out, and set the service's user", "run_as = %q: a process of this system cannot become another user", name)
}

func give(string, string) error { return nil }

func becomes(string) (uid uint32, ok bool) { return 0, false }
