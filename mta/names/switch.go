package names

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/mta/safefile"
)

// systemSwitch is where the system says how names are looked up (nsswitch.conf(5)).
const systemSwitch = "/etc/nsswitch.conf"

// switchHold is how long a service switch is not looked at again: sendmail's ten
// seconds.
const switchHold = 10 * time.Second

// A Switch says by which methods names of hosts and aliases are looked up: a file
// of lines "SERVICE METHOD…", as sendmail's service.switch and nsswitch.conf(5)
// have it. It is read again when it has changed. The zero has "files dns".
type Switch struct {
	// Path is the file; "" is none.
	Path string
	// Given says that it is the administrator's, and has to be safe by Rules.
	Given bool
	Rules safefile.Rules
	// Log hears once of a file that cannot be used; nil is nobody.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time

	mu             sync.Mutex
	looked         time.Time
	said           string
	hosts, aliases []string
}

// SwitchOf is the service switch of a configuration.
func SwitchOf(c *config.Config) (*Switch, error) {
	path := c.MTA.Resolver.SwitchFile
	if path == "" {
		return &Switch{Path: systemSwitch}, nil
	}
	rules, err := safefile.New(c.MTA.Safe)
	return &Switch{Path: path, Given: true, Rules: rules}, err
}

// Hosts are the methods for names of hosts, in their order: files, dns, and others
// that nobody here knows.
func (s *Switch) Hosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.hosts
}

// Aliases are the methods for aliases: files is the alias file.
func (s *Switch) Aliases() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.aliases
}

func (s *Switch) refresh() {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	at := now()
	if !s.looked.IsZero() && at.Sub(s.looked) < switchHold && !at.Before(s.looked) {
		return
	}
	s.looked = at
	s.hosts, s.aliases = []string{"files", "dns"}, []string{"files"}
	if s.Given { // sendmail's, for a file that is not there
		s.hosts, s.aliases = []string{"dns", "files"}, []string{"aliases", "files"}
	}
	if s.Path == "" {
		return
	}
	f, err := s.open()
	if err != nil {
		s.tell(err)
		return
	}
	defer f.Close()
	s.said = ""
	s.read(f)
}

func (s *Switch) open() (io.ReadCloser, error) {
	if !s.Given {
		return os.Open(s.Path)
	}
	return s.Rules.Open(safefile.ServiceSwitch, s.Path)
}

// tell says what is wrong; that there is no file is nothing wrong.
func (s *Switch) tell(err error) {
	if errors.Is(err, fs.ErrNotExist) || err.Error() == s.said || s.Log == nil {
		return
	}
	s.said = err.Error()
	logbook.Line(s.Log, logbook.Serious, "the service switch is not used, and names are looked up by "+strings.Join(s.hosts, " ")+": "+s.said, slog.String("file", s.Path))
}

func (s *Switch) read(f io.Reader) {
	const most = 64 << 10
	for lines := bufio.NewScanner(io.LimitReader(f, most)); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(strings.ToLower(strings.Replace(text, ":", " ", 1)))
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "hosts":
			s.hosts = methods(words[1:])
		case "aliases":
			s.aliases = methods(words[1:])
		}
	}
}

// methods are the words but for what nsswitch.conf(5) has in brackets; resolve is
// systemd's way to DNS.
func methods(words []string) []string {
	all := []string{}
	inside := false
	for _, word := range words {
		switch begins := strings.HasPrefix(word, "["); {
		case begins || inside:
			inside = !strings.HasSuffix(word, "]")
		case word == "resolve":
			all = append(all, "dns")
		default:
			all = append(all, word)
		}
	}
	return slices.Compact(all)
}

// order is how names of hosts are looked up.
type order struct{ files, dns, dnsFirst bool }

func (s *Switch) order() order {
	hosts := s.Hosts()
	files, dns := slices.Index(hosts, "files"), slices.Index(hosts, "dns")
	return order{files: files >= 0, dns: dns >= 0, dnsFirst: dns >= 0 && (files < 0 || dns < files)}
}

// same says that another is about the same file.
func (s *Switch) same(other *Switch) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.Path == other.Path && s.Given == other.Given && s.Rules == other.Rules
}
