package msp

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
)

// A PasswdFile is Users read from a file in the form of /etc/passwd, when a
// name is first asked for; os/user would link cgo. It is not safe for use by
// several goroutines.
type PasswdFile struct {
	path string
	text []byte // with a line feed before each line; nil until it was read
}

// maxPasswd bounds what is read of the file, in octets.
const maxPasswd = 1 << 20

// NewPasswdFile does not touch the file yet. One that cannot be read is empty.
func NewPasswdFile(path string) *PasswdFile { return &PasswdFile{path: path} }

func (f *PasswdFile) load() []byte {
	if f.text != nil {
		return f.text
	}
	f.text = []byte("\n")
	file, err := os.Open(f.path)
	if err != nil {
		return f.text
	}
	defer file.Close()
	if text, err := io.ReadAll(io.LimitReader(file, maxPasswd)); err == nil {
		f.text = append(f.text, text...)
	}
	return f.text
}

// ByName finds a login name.
func (f *PasswdFile) ByName(name string) (User, bool) {
	if name == "" || strings.ContainsAny(name, ":\n") {
		return User{}, false
	}
	text := f.load()
	i := bytes.Index(text, []byte("\n"+name+":"))
	if i < 0 {
		return User{}, false
	}
	line, _, _ := bytes.Cut(text[i+1:], []byte("\n"))
	return parsePasswd(string(line))
}

// ByID finds the first user with that user ID.
func (f *PasswdFile) ByID(uid int) (User, bool) {
	id := []byte(":" + strconv.Itoa(uid) + ":")
	for line := range bytes.Lines(f.load()) {
		if !bytes.Contains(line, id) {
			continue
		}
		if u, ok := parsePasswd(strings.TrimSuffix(string(line), "\n")); ok && u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}

func parsePasswd(line string) (User, bool) {
	fields := strings.Split(line, ":")
	if len(fields) < 7 || fields[0] == "" {
		return User{}, false
	}
	uid, err := strconv.Atoi(fields[2])
	if err != nil {
		return User{}, false
	}
	return User{fields[0], uid, fullName(fields[4], fields[0]), fields[5]}, true
}

// fullName is the first part of a GECOS field, in which & is the login name
// with a capital.
func fullName(gecos, login string) string {
	name, _, _ := strings.Cut(gecos, ",")
	return strings.TrimSpace(strings.ReplaceAll(name, "&", strings.ToUpper(login[:1])+login[1:]))
}
