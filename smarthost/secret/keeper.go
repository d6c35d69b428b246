package secret

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// ErrRefused says that the server has refused this very secret already.
var ErrRefused = errors.New("the server has refused this password already, so it is not sent again")

// A Mint is a Source whose secrets run out: it remembers them itself.
type Mint interface {
	Source
	// Mint is a secret that is good now; fresh says that it was made for this call.
	Mint(ctx context.Context) (v Value, fresh bool, err error)
	// Refuse is called when the server has refused v, and Refused says that no
	// other is to be had as far as is known. Again forgets that, Pardon what of it
	// the server has refused.
	Refuse(v Value)
	Refused() bool
	Again()
	Pardon()
}

// A Keeper remembers one account's secret for the life of the process, and
// which secret the server refused: a server that sees one wrong password
// again and again locks the account. It may be used from several goroutines.
type Keeper struct {
	mend   string
	source Source
	mint   Mint // source, where that is one; else nil
	// turn is held while the source is asked, which may take half a minute. A
	// channel, because a waiting context may end before.
	turn chan struct{}
	salt []byte

	mu      sync.Mutex
	known   *Value
	refused *[sha256.Size]byte
}

// Keep is a Keeper for account a over source.
func Keep(a *config.Account, source Source) *Keeper {
	salt := make([]byte, sha256.Size)
	rand.Read(salt) // never fails, says crypto/rand
	mint, _ := source.(Mint)
	return &Keeper{mend: Mend(a), source: source, mint: mint, turn: make(chan struct{}, 1), salt: salt}
}

// Get is the remembered secret, or the source's; fresh says that the source
// was asked. It is an error of ErrRefused when the server has refused it.
func (k *Keeper) Get(ctx context.Context) (v Value, fresh bool, err error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return Value{}, false, sysexits.Errorf(sysexits.TempFail, "", "the password was not waited for: %w", context.Cause(ctx))
	}
	if k.mint != nil {
		return k.mint.Mint(ctx)
	}
	if v, ok := k.remembered(); ok {
		return v, false, nil
	}
	if v, err = k.source.Read(ctx); err != nil {
		return Value{}, true, err
	}
	if err := k.remember(v); err != nil {
		return Value{}, true, err
	}
	return v, true, nil
}

func (k *Keeper) remembered() (Value, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		return Value{}, false
	}
	return *k.known, true
}

func (k *Keeper) remember(v Value) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refused != nil && *k.refused == v.digest(k.salt) {
		return sysexits.Errorf(sysexits.NoPerm,
			k.mend+"; if it is right after all, try once more with: mailcrane flush",
			"%w", ErrRefused)
	}
	k.known, k.refused = &v, nil
	return nil
}

// Refuse is called when the server has refused v.
func (k *Keeper) Refuse(v Value) {
	if k.mint != nil {
		k.mint.Refuse(v)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	digest := v.digest(k.salt)
	k.known, k.refused = nil, &digest
}

// Refused says that the last secret was refused and no other has been read
// since: the source is to be asked before the network is used.
func (k *Keeper) Refused() bool {
	if k.mint != nil {
		return k.mint.Refused()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refused != nil
}

// Pardon forgets that the server has refused the secret: it has let somebody in
// since.
func (k *Keeper) Pardon() {
	if k.mint != nil {
		k.mint.Pardon()
		return
	}
	k.Forget()
}

// Forget forgets everything: a person said to try again.
func (k *Keeper) Forget() {
	if k.mint != nil {
		k.mint.Again()
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known, k.refused = nil, nil
}
