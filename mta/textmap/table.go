// Package textmap reads the maps that sendmail compiles with makemap, from
// their text, and keeps them up to date: access, mailertable, virtusertable and
// their kin.
package textmap

import (
	"hash/maphash"
	"slices"
	"strings"
)

// A Table is a map in memory: its text, and where in it each key begins. It is
// not changed after it has been read. A nil Table has no entries.
type Table struct {
	name string
	// text has a line for each line of the file: key, tab, value, the key in
	// lower case; what says nothing is an empty line.
	text string
	// slots are a hash table with open addressing: one more than where a line
	// begins, 0 for none. Their number is a power of two.
	slots   []uint32
	seed    maphash.Seed
	marks   []uint32 // where each line begins whose number is a multiple of markEvery, from 0
	entries int
}

// markEvery is how many lines are counted, at the most, to know the number of one.
const markEvery = 256

// Len is the number of entries.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return t.entries
}

// Name is what the file is called in messages.
func (t *Table) Name() string { return t.name }

// Find is the entry of a key, which is in lower case.
func (t *Table) Find(key string) (Entry, bool) {
	if t.Len() == 0 {
		return Entry{}, false
	}
	_, at := t.slot(key)
	if at == 0 {
		return Entry{}, false
	}
	return t.entry(int(at) - 1), true
}

// slot is where key is or would be in the hash table, and what is there.
func (t *Table) slot(key string) (slot, at uint32) {
	mask := uint64(len(t.slots) - 1)
	for i := maphash.String(t.seed, key) & mask; ; i = (i + 1) & mask {
		at := t.slots[i]
		if at == 0 || keyAt(t.text[at-1:]) == key {
			return uint32(i), at //nolint:gosec // there are fewer slots than that
		}
	}
}

func keyAt(text string) string { return text[:strings.IndexByte(text, '\t')] }

func (t *Table) entry(at int) Entry {
	line := t.text[at : at+strings.IndexByte(t.text[at:], '\n')]
	key, value, _ := strings.Cut(line, "\t")
	mark, exact := slices.BinarySearch(t.marks, uint32(at)) //nolint:gosec // bounded by maxText
	if !exact {
		mark--
	}
	return Entry{key, value, mark*markEvery + 1 + strings.Count(t.text[t.marks[mark]:at], "\n")}
}

// index fills the hash table from the text; again hears of each line whose key
// has been there before.
func (t *Table) index(again func(first, second Entry)) {
	size := 16
	for size < t.entries*3/2 {
		size *= 2
	}
	t.slots = make([]uint32, size)
	for at, line := 0, 0; at < len(t.text); line++ {
		if line%markEvery == 0 {
			t.marks = append(t.marks, uint32(at)) //nolint:gosec // bounded by maxText
		}
		end := at + strings.IndexByte(t.text[at:], '\n')
		if end > at {
			slot, before := t.slot(keyAt(t.text[at:]))
			if before == 0 {
				t.slots[slot] = uint32(at) + 1 //nolint:gosec // bounded by maxText
			} else {
				again(t.entry(int(before)-1), t.entry(at))
			}
		}
		at = end + 1
	}
}
