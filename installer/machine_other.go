//go:build !linux

package installer

import "context"

// prepareMachine makes nothing: the service is run by the machine's own accounts.
func (o Options) prepareMachine(context.Context) error { return nil }

func (o Options) clearMachine(context.Context) error { return nil }

// Left is nothing here: the service is run by the machine's own accounts.
func (o Options) Left() []string { return nil }
