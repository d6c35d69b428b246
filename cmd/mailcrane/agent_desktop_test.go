package main

import (
	"errors"
	"testing"

	"mailcrane/internal/desktop"
	"mailcrane/netwatch"
	"mailcrane/queue"
)

func TestWhatAPersonHearsOfAnAccount(t *testing.T) {
	fault := func(step queue.Step, person bool) *queue.RouteFault {
		return &queue.RouteFault{Step: step, NeedsPerson: person, Err: errors.New("no")}
	}
	for name, c := range map[string]struct {
		fault *queue.RouteFault
		s     netwatch.Standing
		want  desktop.Trouble
	}{
		"a refused password":               {fault(queue.StepAuth, true), netwatch.Standing{}, desktop.Login},
		"a password that is not there":     {fault(queue.StepSecret, true), netwatch.Standing{}, desktop.Login},
		"a keyring that is busy":           {fault(queue.StepSecret, false), netwatch.Standing{}, desktop.Unknown},
		"a wrong certificate":              {fault(queue.StepTLS, true), netwatch.Standing{}, desktop.Broken},
		"that of a portal is the portal's": {fault(queue.StepTLS, true), netwatch.Standing{Prospect: netwatch.Captive}, desktop.Portal},
		"a server that is away":            {fault(queue.StepConnect, false), netwatch.Standing{Prospect: netwatch.Unreachable}, desktop.Unknown},
		"no network":                       {nil, netwatch.Standing{Prospect: netwatch.NoRoute}, desktop.Unknown},
	} {
		if got := troubleOf(c.fault, c.s); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
