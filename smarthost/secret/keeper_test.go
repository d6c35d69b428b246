package secret

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// script is a source that gives one answer after another.
type script struct {
	answers []any // string or error
	asked   int
}

func (s *script) Read(context.Context) (Value, error) {
	a := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	if err, ok := a.(error); ok {
		return Value{}, err
	}
	return seal([]byte(a.(string))), nil
}

func keep(answers ...any) (*Keeper, *script) {
	s := &script{answers: answers}
	return Keep(&config.Account{Name: "work"}, s), s
}

func get(t *testing.T, k *Keeper) string {
	t.Helper()
	v, _, err := k.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Reveal())
}

func TestKeeperAsksTheSourceOnce(t *testing.T) {
	k, s := keep("one", "two")
	for i := range 3 {
		v, fresh, err := k.Get(t.Context())
		if err != nil || string(v.Reveal()) != "one" || fresh != (i == 0) {
			t.Errorf("call %d: %q, fresh %v, %v", i, v.Reveal(), fresh, err)
		}
	}
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
}

func TestKeeperDoesNotRememberAFailure(t *testing.T) {
	k, _ := keep(errors.New("locked"), "one")
	if _, _, err := k.Get(t.Context()); err == nil {
		t.Error("no error")
	}
	if got := get(t, k); got != "one" {
		t.Errorf("got %q", got)
	}
}

func TestKeeperDoesNotGiveOutARefusedSecretAgain(t *testing.T) {
	k, s := keep("wrong", "wrong", "wrong", "right")
	v, _, _ := k.Get(t.Context())
	if k.Refused() {
		t.Error("refused before it was tried")
	}
	k.Refuse(v)
	for range 2 {
		got, _, err := k.Get(t.Context())
		if !errors.Is(err, ErrRefused) || got.Reveal() != nil || sysexits.Hint(err) == "" {
			t.Errorf("got %q, %v", got.Reveal(), err)
		}
		if !k.Refused() {
			t.Error("forgot that it was refused")
		}
	}
	if got := get(t, k); got != "right" || s.asked != 4 {
		t.Errorf("after the mend: %q, asked %d times", got, s.asked)
	}
	if k.Refused() {
		t.Error("a new secret counts as refused")
	}
}

func TestKeeperForgetsWhenAPersonSaysSo(t *testing.T) {
	k, s := keep("same")
	v, _, _ := k.Get(t.Context())
	k.Refuse(v)
	k.Forget()
	if got := get(t, k); got != "same" || s.asked != 2 {
		t.Errorf("got %q, asked %d times", got, s.asked)
	}
}

// slow is a source that answers when it is let.
type slow struct {
	asked int
	let   chan struct{}
}

func (s *slow) Read(context.Context) (Value, error) {
	s.asked++
	<-s.let
	return seal([]byte("late")), nil
}

func TestKeeperAsksForSeveralAtOnceOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{let: make(chan struct{})}
		k := Keep(&config.Account{}, s)
		got := make(chan string, 2)
		for range 2 {
			go func() {
				v, _, _ := k.Get(context.Background())
				got <- string(v.Reveal())
			}()
		}
		synctest.Wait()
		if s.asked != 1 {
			t.Errorf("asked %d times at once", s.asked)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := k.Get(ctx); sysexits.Code(err) != sysexits.TempFail {
			t.Errorf("a waiter whose time is over: %v", err)
		}
		if k.Refused() { // does not wait for the source
			t.Error("refused before it was tried")
		}
		close(s.let)
		if a, b := <-got, <-got; a != "late" || b != "late" || s.asked != 1 {
			t.Errorf("got %q and %q, asked %d times", a, b, s.asked)
		}
	})
}
