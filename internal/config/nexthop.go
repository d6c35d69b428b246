package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mailcrane/internal/address"
)

// A NextHop is where mail is sent by an entry of a mailertable, and by options
// such as smart_host: [MAILER:]HOST.
type NextHop struct {
	// Mailer is in lower case; relay where none is named.
	Mailer string
	// Host is a host, [host] for no MX, or a list with commas (same preference)
	// and colons (next preference); for procmail a file, for account its name.
	Host string
	// User is that of mailer:user@host and of local:user, or "".
	User string
	// Error is what stands behind error:.
	Error string
}

// mailers are those of sendmail that there are here, and account, which leaves by
// the smarthost of an account.
var mailers = [...]string{"smtp", "esmtp", "smtp8", "dsmtp", "relay", "local", "procmail", "error", "account"}

// ParseNextHop reads one.
func ParseNextHop(text string) (NextHop, error) {
	n := NextHop{Mailer: "relay", Host: text}
	// Of a host with a dot, or [host], the colon begins the next of a list.
	if mailer, rest, ok := strings.Cut(text, ":"); ok && !strings.ContainsAny(mailer, ".[,@") {
		n = NextHop{Mailer: strings.ToLower(mailer), Host: rest}
		if !slices.Contains(mailers[:], n.Mailer) {
			return n, fmt.Errorf("there is no mailer %s: there are %s", address.Shown(mailer), strings.Join(mailers[:], ", "))
		}
	}
	switch n.Mailer {
	case "error":
		n.Error, n.Host = strings.TrimSpace(n.Host), ""
		if n.Error == "" {
			return n, errors.New("error: needs a reply, as error:5.1.1:550 No such user")
		}
		return n, nil
	case "local":
		n.User, _ = address.Split(n.Host) // sendmail takes no notice of the host
		n.Host = ""
		return n, nil
	case "procmail":
		if !strings.HasPrefix(n.Host, "/") {
			return n, errors.New("procmail: needs the whole path of a file of rules, as procmail:/etc/procmailrcs/host")
		}
		return n, nil
	case "account":
		if n.Host == "" {
			return n, errors.New("account: needs the name of an account, as account:work")
		}
		return n, nil
	}
	n.User, n.Host = literalUser(n.Host)
	return n, checkHosts(n.Host)
}

// literalUser takes the user of user@host off.
func literalUser(host string) (user, rest string) {
	if user, rest = address.Split(host); rest == "" {
		return "", host
	}
	return user, rest
}

// Hosts are those of a list, by preference: those of one group have the same. A
// colon and digits behind a bracket are a port, since no host's name is a number.
func (n NextHop) Hosts() (groups [][]string) {
	inside, begin := false, 0
	groups = append(groups, nil)
	add := func(end int) {
		last := len(groups) - 1
		groups[last] = append(groups[last], n.Host[begin:end])
		begin = end + 1
	}
	for i := range len(n.Host) {
		switch c := n.Host[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == ',' && !inside:
			add(i)
		case c == ':' && !inside && !beginsPort(n.Host, i):
			add(i)
			groups = append(groups, nil)
		}
	}
	add(len(n.Host))
	return groups
}

// beginsPort says that the colon at i stands between [HOST] and a port.
func beginsPort(list string, i int) bool {
	if i == 0 || list[i-1] != ']' {
		return false
	}
	digits := list[i+1:]
	if end := strings.IndexAny(digits, ",:"); end >= 0 {
		digits = digits[:end]
	}
	return isPort(digits)
}

func isPort(digits string) bool {
	n, err := strconv.ParseUint(digits, 10, 16)
	return err == nil && n > 0
}

// HostPort is the host of a list and its port, "" for none; fixed says that it stands
// in brackets, which are taken off: it has no exchangers.
func HostPort(word string) (host, port string, fixed bool) {
	inner, ok := strings.CutPrefix(word, "[")
	if !ok {
		return word, "", false
	}
	if end := strings.LastIndexByte(inner, ']'); end >= 0 && end+1 < len(inner) && inner[end+1] == ':' && isPort(inner[end+2:]) {
		return inner[:end], inner[end+2:], true
	}
	return strings.TrimSuffix(inner, "]"), "", true
}

// checkHosts looks at the hosts of a list.
func checkHosts(list string) error {
	for _, group := range (NextHop{Host: list}).Hosts() {
		for _, host := range group {
			name, port, fixed := HostPort(host)
			if fixed && port == "" && !strings.HasSuffix(host, "]") {
				return fmt.Errorf("%s has no closing bracket", address.Shown(host))
			}
			_, err := parseHostname(name)
			switch {
			case name == "" && list == "":
				return errors.New("the host is missing: write [MAILER:]HOST, as esmtp:mail.example.org or [192.0.2.1]")
			case name == "":
				return fmt.Errorf("%s has an empty host in its list", address.Shown(list))
			case err != nil:
				return err
			case name != host:
			case strings.Contains(name, "["):
				return fmt.Errorf("%s has a bracket within a name", address.Shown(host))
			}
		}
	}
	return nil
}

// checkNextHop looks at the value of an option.
func checkNextHop(text string) (string, error) {
	n, err := ParseNextHop(text)
	if err == nil && (n.Mailer == "error" || n.Mailer == "local" || n.Mailer == "procmail") {
		err = fmt.Errorf("%s: names no host: write [MAILER:]HOST, as esmtp:mail.example.org or [192.0.2.1]", n.Mailer)
	}
	return text, err
}

// checkLuserRelay looks at where mail for nobody goes.
func checkLuserRelay(text string) (string, error) {
	n, err := ParseNextHop(text)
	if err == nil && n.Mailer == "local" && n.User == "" {
		err = errors.New("local: needs a user, as local:trap")
	}
	return text, err
}

// checkDomainName looks at a domain of a class.
func checkDomainName(text string) (string, error) {
	if text == "" || strings.ContainsAny(text, " \t@%!,;:<>/") {
		return "", fmt.Errorf("%s is no domain: write it as example.org", address.Shown(text))
	}
	return text, nil
}
