// Package maps asks the maps of a server, wherever they are kept: in text files
// of makemap's form, in SQLite, in PostgreSQL or in an LDAP directory.
package maps

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"mailcrane/mta/safefile"
	"mailcrane/mta/textmap"
)

// A Map is asked for a key, which is in lower case. It is safe for use by several
// goroutines.
type Map interface {
	// Find is the value of key, and where it stands: file:line, or the database. An
	// error is temporary: nobody knows now whether there is one.
	Find(ctx context.Context, key string) (value, where string, ok bool, err error)
}

// ErrLater is that of a map which is not asked in delivery mode d: the mail is
// kept, and a queue run asks it.
var ErrLater = errors.New("the map is not asked in delivery mode d (deferred), but when the queue is run")

// Options say how maps are opened.
type Options struct {
	// Kind is what the file is for, Rules whose files are trusted.
	Kind  safefile.Kind
	Rules safefile.Rules
	// Check looks at each entry of a text file; nil takes all.
	Check textmap.Check
	// Deferred says that the one who asks takes mail in, in delivery mode d.
	Deferred bool
	// Getenv is asked for CREDENTIALS_DIRECTORY, where systemd keeps passwords; nil
	// has none.
	Getenv func(string) string
	// Log hears of each change once; nil is nobody.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Open opens what a setting names: a text file, or sqlite:FILE, postgres:FILE or
// ldap:FILE, where FILE says how the database is asked. Before it "-D" and white
// space may stand, sendmail's flag for a map that is not asked in delivery mode d.
// An error says what is wrong; the Map is good all the same, and answers with
// errors until that is mended.
func Open(setting string, o Options) (Map, error) {
	path, later := Setting(setting)
	if later && o.Deferred {
		return postponed{}, nil
	}
	if kind, file := kindOf(path); kind != "" {
		return openDatabase(kind, file, o)
	}
	return openText(path, o)
}

// Setting is what a setting names without the flag -D, and whether it has that.
func Setting(text string) (name string, later bool) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "-D"); ok && strings.TrimLeft(rest, " \t") != rest {
		return strings.TrimLeft(rest, " \t"), true
	}
	return text, false
}

// Waits says of a setting that it names a database, which may keep who asks waiting.
func Waits(setting string) bool {
	name, _ := Setting(setting)
	kind, _ := kindOf(name)
	return kind != ""
}

// postponed is a map that is not asked now.
type postponed struct{}

func (postponed) Find(context.Context, string) (value, where string, ok bool, err error) {
	return "", "", false, ErrLater
}
