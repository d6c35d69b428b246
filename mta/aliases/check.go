package aliases

import (
	"mailcrane/mta/maps"
	"mailcrane/mta/safefile"
)

// A Report is what newaliases says of one map.
type Report struct {
	// Summary is its line: FILE: N aliases, longest L bytes, T bytes total.
	Summary string
	// Warnings and Wrong name file and line.
	Warnings []string
	Wrong    []error
}

// Check reads the maps of the settings, as newaliases does. Databases are opened,
// and no more.
func Check(settings []string, o Options) []Report {
	var all []Report
	for _, setting := range settings {
		path, ok := TextFile(setting)
		if !ok {
			r := Report{Summary: setting + ": a database, which is asked as it stands"}
			if _, err := maps.Open(setting, o.maps()); err != nil {
				r = Report{Wrong: []error{err}}
			}
			all = append(all, r)
			continue
		}
		all = append(all, checkFile(path, o))
	}
	return all
}

func checkFile(path string, o Options) Report {
	f, err := o.Rules.Open(safefile.Alias, path)
	if err != nil {
		return Report{Wrong: []error{err}}
	}
	defer f.Close()
	table, err := read(path, f, o.Local)
	if err != nil {
		return Report{Wrong: []error{err}}
	}
	return Report{Summary: table.Summary(), Warnings: table.Warnings, Wrong: table.Wrong}
}
