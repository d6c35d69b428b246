//go:build !linux

package main

// undumpable does nothing: these systems have no such call.
func undumpable() {}
