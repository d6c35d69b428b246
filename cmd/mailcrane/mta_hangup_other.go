//go:build !unix

package main

import "context"

// onHangup does nothing: this system has no such signal.
func (a *app) onHangup(context.Context, func()) (stop func()) { return func() {} }
