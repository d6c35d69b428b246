package auth

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"github.com/go-crypt/x/yescrypt"
)

// What checking one password may cost. Beyond it a line of the file is bad:
// anybody who can connect can have that work done.
const (
	mostMemory     = 256 << 10 // KiB
	mostPasses     = 32
	mostThreads    = 16
	mostCost       = 16        // of bcrypt, a power of two
	mostRounds     = 1_000_000 // of SHA-crypt
	mostLogN       = 18        // of yescrypt, by r of 8 that are 256 MiB
	mostBlock      = 32
	mostIterations = 2_000_000 // of SCRAM
)

var (
	errNoHash  = errors.New("this is no hash that is known here ($argon2id$, $2b$, $5$, $6$, $y$ or SCRAM-SHA-256$)")
	errClear   = errors.New("this is a password and no hash of one")
	errTooMuch = errors.New("checking this hash would take more memory or time than is given to a log-in")
)

// A secret is what a password is checked against: one of the two is set.
type secret struct {
	hash  algorithm.Digest
	scram *scramKeys
}

// parseSecret reads a hash, with Dovecot's {SCHEME} before it or not. Errors do
// not show it.
func parseSecret(text string) (secret, error) {
	scheme, rest, found := strings.Cut(strings.TrimPrefix(text, "{"), "}")
	if !found || !strings.HasPrefix(text, "{") {
		scheme, rest = "", text
	}
	switch strings.ToUpper(scheme) {
	case "SCRAM-SHA-256":
		keys, err := parseScram(rest)
		return secret{scram: keys}, err
	case "", "CRYPT", "ARGON2ID", "ARGON2I", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT":
	case "PLAIN", "CLEAR", "CLEARTEXT":
		return secret{}, errClear
	default:
		return secret{}, errNoHash
	}
	if strings.HasPrefix(rest, scramPrefix) {
		keys, err := parseScram(rest)
		return secret{scram: keys}, err
	}
	digest, err := parseCrypt(rest)
	return secret{hash: digest}, err
}

// parseCrypt reads a hash of crypt(5), or argon2's of the PHC string format.
func parseCrypt(text string) (algorithm.Digest, error) {
	parts := strings.Split(text, "$")
	const least = 4 // "", its kind, parameters or salt, and the rest
	if len(parts) < least || parts[0] != "" {
		if !strings.HasPrefix(text, "$") {
			return nil, errClear
		}
		return nil, errNoHash
	}
	var decode algorithm.DecodeFunc
	var within bool
	switch kind := parts[1]; kind {
	case "argon2id", "argon2i":
		decode, within = argon2.Decode, argon2Within(parts)
	case "2a", "2b", "2y":
		cost, err := strconv.Atoi(parts[2])
		decode, within = bcrypt.DecodeVariant(bcrypt.VariantStandard), err == nil && cost <= mostCost
	case "5", "6":
		decode, within = shacrypt.Decode, parameter(parts[2], "rounds", 0) <= mostRounds
	case "y":
		decode, within = scrypt.DecodeVariant(scrypt.VariantYescrypt), yescryptWithin(parts[2])
	default:
		return nil, errNoHash
	}
	if !within {
		return nil, errTooMuch
	}
	digest, err := decode(text)
	if err != nil {
		return nil, errNoHash // the library's words quote it
	}
	return digest, nil
}

func argon2Within(parts []string) bool {
	all := strings.Join(parts[2:], ",")
	return parameter(all, "m", mostMemory) <= mostMemory && parameter(all, "t", 1) <= mostPasses && parameter(all, "p", 1) <= mostThreads
}

func yescryptWithin(setting string) (within bool) {
	_, logN, block, err := yescrypt.DecodeSetting([]byte(setting))
	return err == nil && logN <= mostLogN && block <= mostBlock && block<<logN <= 8<<mostLogN
}

// parameter is that of a name in a list with commas between; standard where
// there is none, and more than any bound where it is no number.
func parameter(list, name string, standard int) int {
	for item := range strings.SplitSeq(list, ",") {
		value, ok := strings.CutPrefix(item, name+"=")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return 1 << 31
		}
		standard = int(n)
	}
	return standard
}

// matches says that the password is the right one.
func (s secret) matches(password string) bool {
	if s.scram != nil {
		return s.scram.matches(password)
	}
	ok, err := s.hash.MatchAdvanced(password)
	return ok && err == nil
}

// Hashes are the lines of a user file by which a password is known: one for
// PLAIN and LOGIN, and one with the keys of SCRAM.
func Hashes(name, password string) (lines []string, err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if len(password) > mostPassword || strings.ContainsRune(password, 0) {
		return nil, fmt.Errorf("a password has at most %d octets, and no NUL among them", mostPassword)
	}
	// OWASP's least for argon2id, which two log-ins at once can afford on a
	// small machine.
	const memory, passes = 19456, 2
	hasher, err := argon2.New(argon2.WithVariant(argon2.VariantID), argon2.WithM(memory), argon2.WithT(passes), argon2.WithP(1))
	if err != nil {
		return nil, fmt.Errorf("argon2id: %w", err)
	}
	digest, err := hasher.Hash(password)
	if err != nil {
		return nil, fmt.Errorf("argon2id: %w", err)
	}
	keys, err := newScramKeys(password)
	if err != nil {
		return nil, err
	}
	return []string{name + ":" + digest.Encode(), name + ":" + keys.String()}, nil
}
