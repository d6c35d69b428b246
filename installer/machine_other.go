//go:build !linux

package installer

// Left is nothing here: the service is run by the machine's own accounts.
func (o Options) Left() []string { return nil }
