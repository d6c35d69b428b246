package msp

import "syscall"

// peerOf is the user who listens on the other end (unix(7), SO_PEERCRED).
func peerOf(fd int) (int, error) {
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
