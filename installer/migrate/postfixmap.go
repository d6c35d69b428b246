package migrate

import "strings"

// anyKey stands for every key, in a table that answers all of them alike.
const anyKey = "*"

// A row is a line of a table, with its place.
type row struct{ key, value, where string }

// table reads the text of the tables that a parameter names. Postfix itself
// reads what postmap(1) has made of it.
func (p *postfix) table(name string) []row {
	text, where := p.get(name)
	var rows []row
	for text = strings.TrimLeft(text, ", \t"); text != ""; text = strings.TrimLeft(text, ", \t") {
		var spec string
		if kind, rest, ok := strings.Cut(text, ":"); ok && strings.HasPrefix(rest, "{") {
			inner, n := parameterName(rest)
			if n == 0 {
				n = len(rest)
			}
			spec, text = kind+":"+inner, rest[n:]
		} else {
			end := strings.IndexAny(text, ", \t")
			if end < 0 {
				end = len(text)
			}
			spec, text = text[:end], text[end:]
		}
		rows = append(rows, p.oneTable(name, where, spec)...)
	}
	return rows
}

func (p *postfix) oneTable(name, where, spec string) []row {
	kind, file, ok := strings.Cut(spec, ":")
	if !ok {
		file, kind = kind, "hash"
	}
	switch kind {
	case "hash", "lmdb", "btree", "cdb", "texthash", "dbm", "sdbm":
		lines, ok := p.machine.lines(p.found, file)
		if !ok {
			p.found.leave(where, "", "%s names %s, and its text cannot be read", name, file)
			return nil
		}
		return tableRows(file, lines)
	case "static":
		return []row{{anyKey, file, where}}
	case "inline":
		var rows []row
		for _, part := range inlineRows(file) {
			key, value, _ := strings.Cut(part, "=")
			rows = append(rows, row{strings.TrimSpace(key), strings.TrimSpace(value), where})
		}
		return rows
	}
	p.found.leave(where, "", "%s names a table of the kind %s, which only Postfix can ask", name, kind)
	return nil
}

// inlineRows divides "{ key = value }, { key = value }" or "key=value, …".
func inlineRows(text string) []string {
	var parts []string
	for text = strings.TrimLeft(text, ", \t"); text != ""; text = strings.TrimLeft(text, ", \t") {
		if inner, n := parameterName(text); text[0] == '{' && n > 0 {
			parts, text = append(parts, inner), text[n:]
			continue
		}
		end := strings.IndexAny(text, ", \t")
		if end < 0 {
			end = len(text)
		}
		parts, text = append(parts, text[:end]), text[end:]
	}
	return parts
}

// tableRows reads "KEY VALUE"; a line that begins with white space goes on
// with the one before (postmap(1)).
func tableRows(file string, lines []string) []row {
	var rows []row
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(rows) > 0 {
				rows[len(rows)-1].value = strings.TrimSpace(rows[len(rows)-1].value + " " + trimmed)
			}
			continue
		}
		key, value := trimmed, ""
		if at := strings.IndexAny(trimmed, " \t"); at > 0 {
			key, value = trimmed[:at], strings.TrimSpace(trimmed[at:])
		}
		rows = append(rows, row{key, value, place(file, i)})
	}
	return rows
}
