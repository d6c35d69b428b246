//go:build !unix

package msp

import "errors"

// dialAgent connects to the agent's socket; there is none on this system.
func dialAgent(string, string) (agentConn, error) { return nil, errors.ErrUnsupported }
