//go:build !windows

package installer

import "errors"

// serve: a manager that just starts a program wants no answer.
func (p *program) serve() error { return errors.ErrUnsupported }
