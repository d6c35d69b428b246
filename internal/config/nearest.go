package config

import (
	"reflect"
	"strings"
)

// nearestKey is the known key that is spelled most like the unknown one, as a
// whole dotted name, or "" where none is near. A key that stands in the wrong
// table is found by its last part.
func nearestKey(key []string) string {
	name := strings.Join(key, ".")
	last := key[len(key)-1]
	best, distance := "", 1+len(last)/3
	for _, known := range knownKeys(reflect.TypeFor[file](), "", accountIn(key)) {
		knownLast := known[strings.LastIndexByte(known, '.')+1:]
		d := min(editDistance(name, known), editDistance(last, knownLast))
		if d < distance || d == distance && best == "" {
			best, distance = known, d
		}
	}
	return best
}

// accountIn is the account name that stands in key, else NAME.
func accountIn(key []string) string {
	if len(key) > 1 && key[0] == "account" {
		return key[1]
	}
	return "NAME"
}

// knownKeys walks the unnamed structs of file, which are its tables; a named
// type is a value.
func knownKeys(t reflect.Type, prefix, account string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Tag.Get("toml")
		switch kind := f.Type.Kind(); {
		case kind == reflect.Struct && f.Type.Name() == "":
			keys = append(keys, knownKeys(f.Type, name+".", account)...)
		case kind == reflect.Map:
			keys = append(keys, knownKeys(f.Type.Elem(), name+"."+account+".", account)...)
		default:
			keys = append(keys, name)
		}
	}
	return keys
}

// editDistance is Levenshtein's, case not counted; both strings are short.
func editDistance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
