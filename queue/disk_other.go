//go:build !linux

package queue

// Reserve implements File. Other systems have no call for it that keeps the
// length of the file.
func (osFile) Reserve(int64) error { return nil }
