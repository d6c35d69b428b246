package msp

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

// PasswdFile is Users read from a file in the form of /etc/passwd. The file is
// read when a name is asked for, no more than maxPasswd octets of it; os/user
// would link cgo or a shell's worth of start-up.
type PasswdFile string

const maxPasswd = 4 << 20

// ByName finds a login name.
func (f PasswdFile) ByName(name string) (User, bool) {
	return f.find(func(fields []string) bool { return fields[0] == name })
}

// ByID finds a user ID.
func (f PasswdFile) ByID(uid int) (User, bool) {
	id := strconv.Itoa(uid)
	return f.find(func(fields []string) bool { return fields[2] == id })
}

func (f PasswdFile) find(is func(fields []string) bool) (User, bool) {
	file, err := os.Open(string(f))
	if err != nil {
		return User{}, false
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxPasswd))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 7 || fields[0] == "" || !is(fields) {
			continue
		}
		uid, err := strconv.Atoi(fields[2])
		if err != nil {
			continue
		}
		return User{fields[0], uid, fullName(fields[4], fields[0]), fields[5]}, true
	}
	return User{}, false
}

// fullName is the first part of a GECOS field, in which & is the login name
// with a capital.
func fullName(gecos, login string) string {
	name, _, _ := strings.Cut(gecos, ",")
	return strings.TrimSpace(strings.ReplaceAll(name, "&", strings.ToUpper(login[:1])+login[1:]))
}
