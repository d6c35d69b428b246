//go:build !linux

package main

// processRuns is not known here.
func processRuns(string) bool { return false }
