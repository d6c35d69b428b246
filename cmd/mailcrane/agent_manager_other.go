//go:build !linux

package main

// notifyManager: only systemd is told. Its library does not compile for NetBSD.
func notifyManager(string) error { return nil }
