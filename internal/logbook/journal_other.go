//go:build !linux

package logbook

import "errors"

func newJournal(string) (sender, error) {
	return nil, errors.New("there is no journal on this system: set [mta.log] target to stderr or syslog")
}
