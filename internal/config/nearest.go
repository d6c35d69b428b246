package config

import "strings"

// nearestKey is the known key that is spelled most like the unknown one, as a
// whole dotted name, or "" where none is near. A key that stands in the wrong
// table is found by its last part.
func nearestKey(key []string) string {
	name := strings.Join(key, ".")
	last := key[len(key)-1]
	account := "NAME"
	if len(key) > 1 && key[0] == "account" {
		account = key[1]
	}
	best, distance := "", 1+len(last)/3
	for _, s := range settings {
		k := strings.Replace(s.key, "NAME", account, 1)
		d := min(editDistance(name, k), editDistance(last, k[strings.LastIndexByte(k, '.')+1:]))
		if d < distance || d == distance && best == "" {
			best, distance = k, d
		}
	}
	return best
}

// maxCompared bounds the names that are compared, in octets.
const maxCompared = 100

// editDistance is Levenshtein's, case not counted.
func editDistance(a, b string) int {
	if len(a) > maxCompared {
		return maxCompared
	}
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
