//go:build !unix

package main

import "os"

// resizes has nothing: this system tells of no other size.
func resizes() (resized <-chan os.Signal, stop func()) { return nil, func() {} }
