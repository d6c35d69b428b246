package main

import "golang.org/x/sys/unix"

// undumpable keeps the memory of the process, its environment and its files
// from other processes of its user, and it from being traced or written to a
// core (PR_SET_DUMPABLE(2const)). Where that fails nothing is lost: other users
// are kept out in any case.
//
// A limit of zero for cores (setrlimit(2)) would not do: it does not hold where
// core_pattern names a program, and children would inherit it, an editor too.
func undumpable() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
