package config

import "strings"

// nearestKey is the known key that is spelled most like the unknown one, or ""
// where none is near. Slips count as letters that differ; a part of a key's
// name finds it, and so does the name without the right table before it.
func nearestKey(key []string) string {
	name, last := strings.Join(key, "."), key[len(key)-1]
	best, distance := "", 2+len(last)/3
	for o := range Options() {
		if o.Key == "" {
			continue
		}
		k := named(o.Key, key)
		dot := strings.LastIndexByte(k, '.')
		d := editDistance(name, k)
		if len(last) > 2 && strings.Contains(k[dot+1:], strings.ToLower(last)) {
			d = min(d, 2)
			if strings.TrimSuffix(name, last) == k[:dot+1] {
				d = min(d, 1)
			}
		}
		// Of short names elsewhere, any two are only a few letters apart.
		if elsewhere := editDistance(last, k[dot+1:]); elsewhere <= len(last)/3 {
			d = min(d, elsewhere+1)
		}
		if d < distance {
			best, distance = k, d
		}
	}
	return best
}

// nearestTable is the same for the name of a table.
func nearestTable(key []string) string {
	best, distance := "", 1+len(key[0])/3
	for o := range Options() {
		name, _, isTable := strings.Cut(o.Key, ".")
		if d := editDistance(key[0], name); isTable && d <= distance && firstBelow(name) != "" {
			near := append([]string{name}, key[1:]...)
			if firstBelow(dotted(generally(near))) != "" {
				best, distance = dotted(near), d-1
			}
		}
	}
	return best
}

// firstBelow is the first known key in a table, "" where it is none.
func firstBelow(general string) string {
	for o := range Options() {
		if len(o.Key) > len(general) && o.Key[len(general)] == '.' && strings.HasPrefix(o.Key, general) {
			return o.Key
		}
	}
	return ""
}

// named is a known key with the name of the account or queue that key is about.
func named(known string, key []string) string {
	if i := nameAt(key); i > 0 {
		return strings.Replace(known, "NAME", key[i], 1)
	}
	if len(key) < 3 {
		return known
	}
	return strings.Replace(known, "NAME", key[1], 1)
}

// nearestOption is the name or key that is spelled most like word, or "".
func nearestOption(word string) string {
	best, distance := "", 2+len(word)/5
	consider := func(name, spelled string) {
		if name == "" {
			return
		}
		d := editDistance(word, spelled)
		if d > 1 && len(word) > 3 && strings.Contains(strings.ToLower(spelled), strings.ToLower(word)) {
			d = 1
		}
		if d < distance {
			best, distance = name, d
		}
	}
	for o := range Options() {
		consider(o.Name, o.Name)
		consider(o.Name, o.Name[strings.LastIndexByte(o.Name, '.')+1:])
		consider(o.Key, o.Key)
		consider(o.Key, o.Key[strings.LastIndexByte(o.Key, '.')+1:])
	}
	return best
}

// DidYouMean is a question with the one of words that is spelled most like word,
// to stand behind an error; "" where none is near.
func DidYouMean(word string, words ...string) string {
	best, distance := "", len(word)/2
	for _, w := range words {
		if d := editDistance(word, w); d < distance {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
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
