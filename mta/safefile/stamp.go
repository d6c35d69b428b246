package safefile

import "os"

// A Stamp is what files look like from outside, by which a change is known.
type Stamp []os.FileInfo

// Look is the stamp of files now; one that is not there has none.
func Look(paths ...string) Stamp {
	s := make(Stamp, len(paths))
	for i, path := range paths {
		s[i], _ = os.Stat(path) // who opens it says what is wrong
	}
	return s
}

// Same says that nothing has changed since: size, time of the last change, and
// that it is the same file.
func (s Stamp) Same(other Stamp) bool {
	if len(s) != len(other) {
		return false
	}
	for i, a := range s {
		b := other[i]
		if (a == nil) != (b == nil) {
			return false
		}
		if a != nil && (a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || !os.SameFile(a, b)) {
			return false
		}
	}
	return true
}
