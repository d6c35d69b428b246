package auth

import (
	"context"
	"crypto/tls"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

func inTLS() Facts { return client(&tls.ConnectionState{Version: tls.VersionTLS12}) }

func TestABadLineOfTheFileIsNamedAndNothingOfItShown(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"a password", "me:" + planted, "this is a password and no hash"},
		{"a password, as Dovecot marks it", "me:{PLAIN}" + planted, "this is a password and no hash"},
		{"no colon", planted, "this is not name:hash"},
		{"a hash that nobody knows", "me:$1$salt$" + planted, "no hash that is known"},
		{"a scheme that nobody knows", "me:{MD5}" + planted, "no hash that is known"},
		{"argon2id with too much memory", "me:$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA", "more memory or time"},
		{"bcrypt with too much time", "me:$2b$30$" + strings.Repeat("a", 53), "more memory or time"},
		{"SHA-crypt with too many rounds", "me:$6$rounds=999999999$salt$" + strings.Repeat("a", 86), "more memory or time"},
		{"yescrypt with too much memory", "me:$y$jzT$salt$" + strings.Repeat("a", 43), "more memory or time"},
		{"SCRAM with few iterations", "me:SCRAM-SHA-256$1:c2FsdA==$YQ==:YQ==", "no hash that is known"},
		{"the same name twice", strings.TrimSuffix(hashes(t, "me", planted)+hashes(t, "me", planted), "\n"), "further up already"},
		{"a name with a blank", "m e:*", "no blanks"},
		{"no name", ":*", "there is no name"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := parseUsers("users", strings.NewReader("# comment\n\n"+c.line+"\n"))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "users:") {
				t.Fatalf("%v, want the line and %q", err, c.want)
			}
			if strings.Contains(err.Error(), planted) {
				t.Errorf("the error shows what stands there: %v", err)
			}
		})
	}
}

func TestEachKindOfHashIsChecked(t *testing.T) {
	own := strings.Split(strings.TrimSuffix(hashes(t, "x", "sesame"), "\n"), "\n")
	for _, c := range []struct{ reason, hash, password string }{
		{"argon2id", strings.TrimPrefix(own[0], "x:"), "sesame"},
		{"the keys of SCRAM, for PLAIN", strings.TrimPrefix(own[1], "x:"), "sesame"},
		{"argon2id under Dovecot's name", "{ARGON2ID}" + strings.TrimPrefix(own[0], "x:"), "sesame"},
		{"bcrypt, the example of Go's library", "{BLF-CRYPT}$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga", "allmine"},
		{"sha256-crypt, made by openssl", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
		{"sha512-crypt, made by openssl", "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
		{"yescrypt, made by Debian's crypt(3)", "{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$6foLM1JhGupouWKMU70wxK61Kw9ZnecbACjJwRadqM2", "x"},
		{"what stands behind a further colon is another's", strings.TrimPrefix(own[0], "x:") + ":1000:1000::/home/x", "sesame"},
		{"SCRAM as Dovecot writes it", "{SCRAM-SHA-256}" + strings.NewReplacer("SCRAM-SHA-256$", "", ":", ",", "$", ",").Replace(strings.TrimPrefix(own[1], "x:")), "sesame"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			u, err := parseUsers("users", strings.NewReader("me:"+c.hash+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if !u.matches("me", c.password) || u.matches("me", c.password+"x") || u.matches("me", "") || u.matches("you", c.password) {
				t.Error("the right password is refused, or a wrong one taken")
			}
		})
	}
}

// TestAFileOfUsersThatChangesCountsAtOnce shows that nothing is to be restarted.
func TestAFileOfUsersThatChangesCountsAtOnce(t *testing.T) {
	a, log := start(t, hashes(t, "me", "old"), nil)
	file := a.store.(*file)
	ahead := time.Duration(0)
	file.now = func() time.Time { return time.Now().Add(ahead) }
	try := func(password string) bool {
		a.guesses = NewGuesses(time.Now)
		user := ""
		server, err := file.begin(t.Context(), plain, &Facts{}, func(u string) { user = u })
		if err != nil {
			t.Fatal(err)
		}
		server.Next([]byte("\x00me\x00" + password)) // user says it
		return user == "me"
	}
	for _, step := range []struct{ reason, text, in, out string }{
		{"another password", hashes(t, "me", "new"), "new", "old"},
		{"a bad line keeps the file before", "me:" + planted + "\n", "new", planted},
		{"mended", hashes(t, "me", "third"), "third", "new"},
	} {
		if err := os.WriteFile(file.path, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		ahead += time.Minute
		if !try(step.in) || try(step.out) {
			t.Errorf("%s: not so", step.reason)
		}
	}
	if text := log.String(); !strings.Contains(text, "users:1:") || strings.Contains(text, planted) {
		t.Errorf("the log: %s", text)
	}
}

// TestAStoreThatOthersCanReadNeedsAWord shows GroupReadableSASLDBFile and
// GroupWritableSASLDBFile of DontBlameSendmail for the file of users.
func TestAStoreThatOthersCanReadNeedsAWord(t *testing.T) {
	for _, c := range []struct {
		reason string
		mode   os.FileMode
		blame  config.Blame
		opens  bool
	}{
		{"private", 0o600, 0, true},
		{"read by the group", 0o640, 0, false},
		{"read by the group, with the word", 0o640, config.GroupReadableSASLDBFile, true},
		{"written by the group", 0o660, config.GroupReadableSASLDBFile, false},
		{"written by the group, with the word", 0o660, config.GroupReadableSASLDBFile | config.GroupWritableSASLDBFile, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			path := t.TempDir() + "/users"
			if err := os.WriteFile(path, []byte("me:*\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := newFile(path, "", safefile.Rules{Blame: config.TrustStickyBit | c.blame}, nil, time.Now)
			if (err == nil) != c.opens {
				t.Errorf("mode %o: %v", c.mode, err)
			}
		})
	}
}

func TestGuessingIsSlowHoweverManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGuesses(time.Now)
		here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		begin := time.Now()
		var answered atomic.Int32
		for range 5 {
			end, ok := g.begin(here)
			if !ok {
				t.Fatal("refused unseen")
			}
			wait := end(wrong)
			go func() {
				if wait(context.Background()) == nil {
					answered.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := answered.Load(); got != 1 {
			t.Errorf("%d wrong ones were answered in two seconds, want 1", got)
		}
		if end, ok := g.begin(there); !ok || end(fine)(t.Context()) != nil || time.Since(begin) > 2*time.Second {
			t.Error("another client waits too")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := answered.Load(); got != 5 {
			t.Errorf("%d were answered in a minute, want 5", got)
		}
		for range 10 {
			if end, ok := g.begin(here); ok {
				end(wrong)
			}
		}
		if _, ok := g.begin(here); ok {
			t.Error("who would have to wait for minutes is checked all the same")
		}
		time.Sleep(forget * 2)
		if _, ok := g.begin(here); !ok {
			t.Error("it is never forgotten")
		}
	})
}

// What a check takes depends on the user: on the kind of hash, and on whether
// there is one.
func TestTheAnswerToAWrongLogInComesWhenItWouldWhateverWasChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, check := range []time.Duration{0, 50 * time.Millisecond, 900 * time.Millisecond} {
			g := NewGuesses(time.Now)
			began := time.Now()
			end, _ := g.begin(netip.MustParseAddr("192.0.2.1"))
			time.Sleep(check)
			_ = end(wrong)(t.Context())
			if got := time.Since(began); got != firstPause {
				t.Errorf("a check of %v is answered after %v, want %v", check, got, firstPause)
			}
		}
	})
}

// Who has an account must not make guessing quick again by logging in between.
func TestARightLogInTakesNoPauseBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGuesses(time.Now)
		began := time.Now()
		for range 5 {
			for _, o := range []outcome{wrong, fine} {
				end, ok := g.begin(netip.MustParseAddr("192.0.2.1"))
				if !ok {
					t.Fatal("refused unseen")
				}
				if wait := end(o); o == wrong {
					_ = wait(t.Context())
				}
			}
		}
		if got, want := time.Since(began), 31*time.Second; got != want {
			t.Errorf("five guesses with right ones between take %v, want %v", got, want)
		}
	})
}

func TestWhoGuessesIsRememberedWithinABound(t *testing.T) {
	g := NewGuesses(time.Now)
	for i := range 3 * mostClients {
		end, ok := g.begin(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		if !ok {
			t.Fatal("a new client is refused")
		}
		end(wrong)
	}
	if len(g.clients) > mostClients {
		t.Errorf("%d clients are remembered", len(g.clients))
	}
}

// TestAnUnknownUserOfSCRAMLooksLikeAKnownOne shows that neither salt nor
// iterations tell who there is.
func TestAnUnknownUserOfSCRAMLooksLikeAKnownOne(t *testing.T) {
	a, _ := start(t, hashes(t, "me", planted), nil)
	file := a.store.(*file)
	known, err := file.credentials("me")
	if err != nil {
		t.Fatal(err)
	}
	first, err := file.credentials("nobody")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := file.credentials("nobody")
	other, _ := file.credentials("somebody")
	if len(first.Salt) != len(known.Salt) || first.Iters != known.Iters || first.Salt != again.Salt || first.Salt == other.Salt {
		t.Errorf("%v and %v", first.KeyFactors, again.KeyFactors)
	}
}

func TestAnAnswerThatIsNoneIsRefusedAndCostsNothing(t *testing.T) {
	a, _ := start(t, hashes(t, "me", planted), nil)
	for _, c := range []struct {
		reason, mechanism string
		answers           []string
		code              int
	}{
		{"PLAIN without its NULs", plain, []string{"me"}, 501},
		{"another user's identity", plain, []string{"you\x00me\x00" + planted}, 535},
		{"an endless password", plain, []string{"\x00me\x00" + strings.Repeat("x", 2*mostPassword)}, 535},
		{"LOGIN without a name", login, []string{"", planted}, 501},
		{"LOGIN with a NUL", login, []string{"me", planted + "\x00"}, 501},
		{"SCRAM that is none", scramName, []string{"hello"}, 535},
		{"SCRAM that wants a binding that there is not", scramName, []string{"p=tls-exporter,,n=me,r=abc"}, 535},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a.guesses = NewGuesses(time.Now)
			server, err := a.Server(t.Context(), c.mechanism, inTLS(), func(_ string, why error) {
				if why == nil {
					t.Error("logged in")
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, answer := range c.answers {
				if _, _, err = server.Next([]byte(answer)); err != nil {
					break
				}
			}
			if err == nil || replyOf(t, err).Code != c.code || strings.Contains(err.Error(), planted) {
				t.Errorf("%v, want %d", err, c.code)
			}
		})
	}
}

func TestAUserIsAddedChangedAndRemovedAndOthersStay(t *testing.T) {
	text := "# ours\nann:*\n"
	text, err := With(text, "bob", "one")
	if err != nil {
		t.Fatal(err)
	}
	if text, err = With(text+"cat:*\n", "bob", "two"); err != nil {
		t.Fatal(err)
	}
	u, err := parseUsers("users", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !u.matches("bob", "two") || u.matches("bob", "one") || !strings.HasPrefix(text, "# ours\nann:*\nbob:") || !strings.HasSuffix(text, "\ncat:*\n") {
		t.Errorf("the file is\n%s", text)
	}
	rest, found := Without(text, "bob")
	if !found || rest != "# ours\nann:*\ncat:*\n" {
		t.Errorf("without bob it is %q", rest)
	}
	if _, err := With("", "a:b", "x"); err == nil {
		t.Error("a name with a colon was taken")
	}
}

func FuzzTheFileOfUsers(f *testing.F) {
	for _, seed := range []string{"me:*", "me:$6$rounds=5000$salt$abc", "me:{PLAIN}x", "me:SCRAM-SHA-256$4096:c2FsdA==$YQ==:YQ==", "me:$y$j9T$salt$abc", "a:$argon2id$v=19$m=1,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseUsers("users", strings.NewReader(text))
		if err != nil {
			return
		}
		for name := range u.byName {
			if checkName(name) != nil {
				t.Errorf("%q is a user", name)
			}
		}
	})
}

func FuzzAnswersOfPlainAndLogin(f *testing.F) {
	f.Add([]byte("\x00me\x00secret"), []byte("secret"))
	f.Add([]byte("me"), []byte("secret"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		for _, make := range []func(check) sasl.Server{newPlain, newLogin} {
			asked := ""
			s := make(func(_, user, password string) error {
				asked = user + "\x00" + password
				return errWrong
			})
			for _, answer := range [][]byte{one, two} {
				if _, done, err := s.Next(answer); err == nil && done {
					t.Errorf("%q logs in", asked)
				}
			}
			if strings.Count(asked, "\x00") > 1 {
				t.Errorf("%q has a NUL", asked)
			}
		}
	})
}
