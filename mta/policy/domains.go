package policy

import "strings"

// A Class is a class of domains: those of an option, and those of a file. A nil
// Class has none.
type Class struct {
	names set
	file  *classFile
	below bool
}

// ClassOf says what a Class is made of.
type ClassOf struct {
	// Key is that of the option that Names stand in, File a file with more of them,
	// or "".
	Key   string
	Names []string
	File  string
	// Below takes in what is below the domains.
	Below bool
}

// NewClass makes one. Of parts it needs Config, Safe, Now and Log. An error is
// that of the file.
func NewClass(parts Parts, of ClassOf) (*Class, error) {
	c := &Class{names: make(set), below: of.Below}
	where := parts.Config.Origin(option(of.Key), "")
	for _, name := range of.Names {
		c.names[canonical(name)] = strings.TrimSpace(of.Key + " " + where)
	}
	var err error
	c.file, err = openClass(parts, of.File)
	return c, err
}

// Where says by what a domain is in the class: file and line, or the option; ""
// where it is not.
func (c *Class) Where(domain string) string {
	if c == nil {
		return ""
	}
	return c.find(canonical(domain), c.below)
}

// find is where a canonical domain stands, or one above it where below says so.
func (c *Class) find(domain string, below bool) string {
	if c == nil || len(c.names) == 0 && c.file == nil {
		return ""
	}
	more := c.file.now().names
	for {
		if where := c.names[domain]; where != "" {
			return where
		}
		if where := more[domain]; where != "" || !below || strings.HasPrefix(domain, "[") {
			return where
		}
		_, above, ok := strings.Cut(domain, ".")
		if !ok {
			return ""
		}
		domain = above
	}
}

// Canonical is a domain as it is compared: lower case, ASCII, without the last
// dot, an address literal in its shortest form.
func Canonical(domain string) string { return canonical(domain) }

// Path is the two parts of a path in wire form: without a source route, the local
// part without quotes, the domain as Canonical has it.
func Path(text string) (local, domain string) { return path(text) }

// Routed says that a local part leads on to another address, which is that of
// NextHop: sendmail's class O.
func Routed(local string) bool { return strings.ContainsAny(local, routeMarks) }

// NextHop is the address that a local part with a route in it stands for.
func NextHop(local string) (user, domain string) { return nextHop(local) }
