package installer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"mailcrane/internal/sysexits"
)

func TestServiceManagerEndsTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		p := &program{
			ctx: t.Context(), exit: func(code int) { t.Errorf("exit(%d)", code) },
			run: func(ctx context.Context) error {
				<-ctx.Done()
				ended = true
				return nil
			},
		}
		if err := p.Start(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if ended {
			t.Fatal("the agent has ended by itself")
		}
		if err := p.Stop(nil); err != nil || !ended {
			t.Errorf("after Stop: %v, ended %v", err, ended)
		}
	})
}

func TestAgentThatGivesUpEndsTheProcessOfTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := sysexits.Errorf(sysexits.Config, "", "no account")
		var code int
		var reported error
		p := &program{
			ctx: t.Context(), run: func(context.Context) error { return wrong },
			exit: func(c int) { code = c }, report: func(err error) { reported = err },
		}
		if err := p.Start(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if code != sysexits.Config || !errors.Is(reported, wrong) {
			t.Errorf("exit code %d, reported %v", code, reported)
		}
	})
}
