package queue

import "path/filepath"

// A place is a directory in which messages stand. A Name knows its own, so
// that a message is found, changed and removed where it was seen.
type place struct {
	// dir holds the messages and result what became of them.
	dir, result string
}

// placeOf is where the message of that name stands.
func (s *Spool) placeOf(n Name) *place {
	if n.at == nil {
		return s.own
	}
	return n.at
}

// file is the path of the message of that name.
func (s *Spool) file(n Name) string {
	return s.placeOf(n).dir + string(filepath.Separator) + n.String()
}

// resultFile is the path of its result file.
func (s *Spool) resultFile(n Name) string {
	return s.placeOf(n).result + string(filepath.Separator) + string(n.ID)
}
