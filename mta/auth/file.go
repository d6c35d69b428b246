package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"

	"mailcrane/internal/logbook"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/safefile"
)

// lookEvery is how often the file is looked at, when somebody logs in.
const lookEvery = time.Second

// mostQueue is how long a log-in waits for others to be checked.
const mostQueue = 30 * time.Second

// file is a file of users, read anew when it has changed.
type file struct {
	path, realm string
	rules       safefile.Rules
	log         *slog.Logger
	now         func() time.Time
	// checking holds one of its places while a password is checked, so that
	// what argon2 takes of memory is bounded.
	checking chan struct{}

	mu     sync.Mutex
	users  *users
	stamp  safefile.Stamp
	looked time.Time
}

func newFile(path, realm string, rules safefile.Rules, log *slog.Logger, now func() time.Time) (*file, error) {
	const least = 2
	s := &file{
		path: path, realm: realm, rules: rules, log: log, now: now,
		checking: make(chan struct{}, max(least, runtime.GOMAXPROCS(0))),
		stamp:    safefile.Look(path), looked: now(),
	}
	users, err := s.read()
	if err != nil {
		return nil, err
	}
	s.users = users
	return s, nil
}

func (s *file) read() (*users, error) {
	in, err := s.rules.Open(safefile.Passwords, s.path)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "make it with: mailcrane mta user add NAME"
		}
		return nil, sysexits.Errorf(sysexits.Config, hint, "the file of users cannot be read: %w", err)
	}
	defer in.Close()
	users, err := parseUsers(s.path, in)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "write the user anew with: mailcrane mta user add NAME", "%w", err)
	}
	return users, nil
}

// current is the file as it is now; as it was, where it cannot be read now.
func (s *file) current() *users {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.looked) < lookEvery {
		return s.users
	}
	s.looked = now
	stamp := safefile.Look(s.path)
	if stamp.Same(s.stamp) {
		return s.users
	}
	s.stamp = stamp
	users, err := s.read()
	if err != nil {
		logbook.Line(s.log, logbook.Serious, "file of users: the one before is kept: "+err.Error(), slog.String("next", sysexits.Hint(err)))
		return s.users
	}
	s.users = users
	return users
}

func (s *file) possible(f *Facts) []mechanism {
	known := s.current()
	_, bound := bindingOf(f.TLS)
	var list []mechanism
	for _, m := range ours {
		switch {
		case m.name == external && (!f.Verified || certificateUser(f) == ""),
			m.name == scramPlus && (!bound || known.modelKeys == nil),
			m.name == scramName && known.modelKeys == nil:
		default:
			list = append(list, m)
		}
	}
	return list
}

func (s *file) begin(ctx context.Context, name string, f *Facts, found func(user string)) (sasl.Server, error) {
	ask := func(identity, user, password string) error { return s.check(ctx, identity, user, password, found) }
	switch name {
	case plain:
		return newPlain(ask), nil
	case login:
		return newLogin(ask), nil
	case external:
		return s.newExternal(f, found), nil
	case scramName, scramPlus:
		return s.newScram(name, f, found)
	}
	return nil, errors.New("no such mechanism")
}

// whole is the name as it stands in the file.
func (s *file) whole(user string) string {
	if s.realm != "" && !strings.Contains(user, "@") {
		if _, as := s.current().byName[user]; !as {
			return user + "@" + s.realm
		}
	}
	return user
}

func (s *file) check(ctx context.Context, identity, user, password string, found func(string)) error {
	if len(password) > mostPassword || len(user) > mostName {
		return errWrong
	}
	name := s.whole(user)
	release, err := s.place(ctx)
	if err != nil {
		return err
	}
	defer release()
	if !s.current().matches(name, password) || identity != "" && identity != user && identity != name {
		return errWrong
	}
	found(name)
	return nil
}

// place waits for one of the places of checking.
func (s *file) place(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, mostQueue)
	defer cancel()
	select {
	case s.checking <- struct{}{}:
		return func() { <-s.checking }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%d log-ins are being checked already: %w", cap(s.checking), ctx.Err())
	}
}

// credentials are the keys of SCRAM for a user; of who has none they are made
// up, always the same, so that the answer does not tell who is known.
func (s *file) credentials(user string) (scram.StoredCredentials, error) {
	known := s.current()
	a := known.byName[s.whole(user)]
	keys := known.modelKeys
	switch {
	case a != nil && a.scram != nil:
		keys = a.scram
	case keys == nil:
		return scram.StoredCredentials{}, errTemporary
	default:
		made := sha256.Sum256(keys.server)
		keys = &scramKeys{
			iterations: keys.iterations, salt: sign(made[:], "salt "+user)[:min(len(keys.salt), sha256.Size)],
			stored: sign(made[:], "stored "+user), server: sign(made[:], "server "+user),
		}
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(keys.salt), Iters: keys.iterations},
		StoredKey:  keys.stored, ServerKey: keys.server,
	}, nil
}

// externalServer lets in whom the client's certificate names.
type externalServer struct {
	sasl.Server
	user string
}

func (e *externalServer) claimed() string { return e.user }

func (s *file) newExternal(f *Facts, found func(string)) sasl.Server {
	e := &externalServer{user: certificateUser(f)}
	e.Server = sasl.NewExternalServer(func(identity string) error {
		name := s.whole(e.user)
		_, known := s.current().byName[name]
		if !f.Verified || e.user == "" || !known || identity != "" && identity != e.user && identity != name {
			return errWrong
		}
		found(name)
		return nil
	})
	return e
}

// certificateUser is whom a certificate names: its first address of e-mail,
// else its common name.
func certificateUser(f *Facts) string {
	if f.TLS == nil || len(f.TLS.PeerCertificates) == 0 {
		return ""
	}
	leaf := f.TLS.PeerCertificates[0]
	name := leaf.Subject.CommonName
	if len(leaf.EmailAddresses) > 0 {
		name = leaf.EmailAddresses[0]
	}
	if checkName(name) != nil {
		return ""
	}
	return name
}
