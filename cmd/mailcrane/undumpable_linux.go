package main

import "golang.org/x/sys/unix"

// undumpable keeps the memory of the process, its environment and its files
// from other processes of its user, and it from being traced or written to a
// core (PR_SET_DUMPABLE(2const)). Where that fails nothing is lost: other users
// are kept out in any case.
func undumpable() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
