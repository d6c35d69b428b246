package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Metering says whether the way to an account's server costs by the octet.
type Metering uint8

// The meterings.
const (
	MeteredAuto Metering = iota // as what is known of the network says
	MeteredYes
	MeteredNo
)

var meteringWords = [...]string{"auto", "yes", "no"}

func parseMetering(text string) (Metering, error) {
	i, err := word(text, "word about a metered route", meteringWords[:], "")
	return Metering(i), err
}

func (m Metering) String() string { return meteringWords[min(int(m), len(meteringWords)-1)] }

// MayBound says that there may be messages too large for the account: it has a
// max_size, and a way out that is metered at times.
func (a *Account) MayBound() bool { return a.MaxSize > 0 && a.Metered != MeteredNo }

// Bound is the most octets of a message that may leave by itself by the
// account, 0 for no bound. metered is what is known of the way out.
func (a *Account) Bound(metered bool) int64 {
	if !a.MayBound() || a.Metered == MeteredAuto && !metered {
		return 0
	}
	return int64(a.MaxSize)
}

// Octets is the size of a message. A file has it as digits and a unit, or as a
// number alone.
type Octets int64

// sizeUnits are those of a size, the longer ones first where one ends with
// another. As on a bill for data, k is a thousand.
var sizeUnits = [...]struct {
	name   string
	octets int64
}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"", 1}}

// parseOctets reads a size: digits, perhaps with a point, and a unit of k, M, G,
// or Ki, Mi, Gi, in any case, with or without a B.
func parseOctets(text string) (Octets, error) {
	number := strings.TrimRight(text, "BbKkMmGgIi ")
	unit := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text[len(number):])), "b")
	for _, u := range sizeUnits {
		if unit != strings.ToLower(u.name) {
			continue
		}
		whole, part, point := strings.Cut(number, ".")
		if !digits(whole) || point && (!digits(part) || u.octets == 1) {
			break
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			break
		}
		const most = 1e12
		if n *= float64(u.octets); n > most {
			return 0, fmt.Errorf("%s is larger than any message", quotedText(text))
		}
		return Octets(math.Round(n)), nil
	}
	return 0, fmt.Errorf("%s is not a size: write digits and a unit of k, M or G, as in 200k", quotedText(text))
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// String is the size as a file has it.
func (o Octets) String() string {
	best := strconv.FormatInt(int64(o), 10)
	for _, u := range sizeUnits {
		if o == 0 || int64(o)%u.octets != 0 {
			continue
		}
		if text := strconv.FormatInt(int64(o)/u.octets, 10) + u.name; len(text) < len(best) {
			best = text
		}
	}
	return best
}
