// Package known keeps what is known of a server between sessions, runs and
// restarts: its addresses, what it offers, how the link was, that the log-in
// worked, what it breaks over, and TLS sessions to resume, sealed.
//
// It is checked by who uses it, never trusted. It is kept without fsync, and a
// file that is damaged, or of another version, counts as none: what is lost
// costs the next session some time and nothing else.
package known

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"sync"
	"time"

	"mailcrane/smarthost/relay"
)

// Files keeps small files by name; queue.Spool does.
type Files interface {
	// Known is what was kept under name, "" if nothing was; of what is too long
	// it may be the beginning.
	Known(name string) (string, error)
	// KeepKnown replaces what was kept: whoever reads sees the old or the new.
	KeepKnown(name, text string) error
}

// A Store is what is known of all servers. It may be used from several
// goroutines, and its files by several processes, of which the last one wins.
type Store struct {
	files Files // nil: all is forgotten when the process ends
	now   func() time.Time
	debug func(msg string, args ...any)

	mu  sync.Mutex
	key []byte // where there are no files
}

// NewStore keeps things in files; where that is nil, for the life of the
// process alone. debug is told what could not be read or kept; it may be nil.
func NewStore(files Files, now func() time.Time, debug func(msg string, args ...any)) *Store {
	if now == nil {
		now = time.Now
	}
	if debug == nil {
		debug = func(string, ...any) {}
	}
	return &Store{files: files, now: now, debug: debug}
}

// An Identity is who speaks with which server. What is known is never used for
// another.
type Identity struct {
	Account string `json:"account"`
	Host    string `json:"host"`
	Port    string `json:"port"`
	User    string `json:"user"`
}

// file is the name under which what is known of it is kept. It begins with the
// account, for people; the rest keeps two servers or users of one account apart.
func (id Identity) file() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{id.Account, id.Host, id.Port, id.User}, "\x00")))
	return id.Account + "." + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// A Server is what is known of one server, for one account and user.
type Server struct {
	// Memory is what sessions read and write.
	Memory *relay.Memory

	store *Store
	id    Identity

	mu      sync.Mutex
	tickets []ticket // the latest last
	kept    string   // what the file held when it was last read or written
}

// Server is what is known of a server. Call Refresh before a session with it,
// and Save after.
func (s *Store) Server(id Identity) *Server {
	return &Server{Memory: &relay.Memory{}, store: s, id: id}
}

// Refresh takes in what another process has found out meanwhile.
func (v *Server) Refresh() {
	if v.store.files == nil {
		return
	}
	text, err := v.store.files.Known(v.id.file())
	if err != nil {
		v.store.debug("cannot read what is known of the server", "server", v.id.Host, "err", err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if text == "" || text == v.kept {
		return
	}
	c, err := decode(text, v.id)
	if err != nil {
		v.store.debug("what was known of the server is damaged and not used", "server", v.id.Host, "err", err)
		return
	}
	v.kept, v.tickets = text, c.Tickets
	v.Memory.Learn(func(k *relay.Known) { *k = c.Known })
}

// Save keeps what is known now, if that is news.
func (v *Server) Save() {
	if v.store.files == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := content{Version: version, Identity: v.id, Known: v.Memory.Recall(), Tickets: v.tickets}
	if v.kept == "" && now.empty() {
		return
	}
	text, err := encode(now)
	if err == nil && text == v.kept {
		return
	}
	if err == nil {
		err = v.store.files.KeepKnown(v.id.file(), text)
	}
	if err != nil {
		v.store.debug("cannot keep what is known of the server", "server", v.id.Host, "err", err)
		return
	}
	v.kept = text
}
