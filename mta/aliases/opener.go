package aliases

import (
	"context"

	"mailcrane/mta/safefile"
)

// Direct is an Opener that opens files in this process: as root with the rights of
// the user, else with its own.
type Direct struct{ Rules safefile.Rules }

// Open opens a file; a .forward is trusted as the user's own.
func (d Direct) Open(_ context.Context, kind safefile.Kind, path string, uid uint32) (*safefile.File, error) {
	rules := d.Rules
	if kind == safefile.Forward {
		rules = rules.As(uid)
	}
	return asUser(uid, func() (*safefile.File, error) { return rules.Open(kind, path) })
}
