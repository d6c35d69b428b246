//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package network

// system is the kernel's own view.
func system(poke func()) ([]source, error) {
	s, err := openRouteSocket(poke)
	if err != nil {
		return nil, err
	}
	return []source{s}, nil
}
