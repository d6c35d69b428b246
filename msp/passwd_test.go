package msp

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPasswordFileIsReadForNamesAndIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	text := "root:x:0:0:root:/root:/bin/sh\nshort:x:5\n:x:6:6:::\nbad:x:six:6:a:/b:/c\n" +
		"joe:x:1000:1000:& Public,Room 1,2:/home/joe:/bin/sh\njoe2:x:100:1000:Other:/home/joe2:/bin/sh"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := NewPasswdFile(path)
	joe := User{"joe", 1000, "Joe Public", "/home/joe"}
	for _, c := range []struct {
		reason, name string
		want         User
		ok           bool
	}{
		{"in the middle, & and rooms understood", "joe", joe, true},
		{"the first line", "root", User{"root", 0, "root", "/root"}, true},
		{"the last line, without a line end", "joe2", User{"joe2", 100, "Other", "/home/joe2"}, true},
		{"a part of a name", "jo", User{}, false},
		{"not a field", "x", User{}, false},
		{"too few fields", "short", User{}, false},
		{"no number", "bad", User{}, false},
		{"no name", "", User{}, false},
		{"more than a name", "joe:x", User{}, false},
	} {
		if u, ok := f.ByName(c.name); u != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v", c.reason, u, ok)
		}
	}
	if u, ok := f.ByID(1000); u != joe || !ok {
		t.Errorf("by ID: %+v %v", u, ok)
	}
	if u, ok := f.ByID(100); u.Name != "joe2" || !ok {
		t.Errorf("by ID: %+v %v", u, ok)
	}
	if _, ok := f.ByID(7); ok {
		t.Error("found nobody's ID")
	}
	if _, ok := NewPasswdFile("/nonexistent").ByName("joe"); ok {
		t.Error("found joe in no file")
	}
}
