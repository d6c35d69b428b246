package policy

// classes are sendmail's w, m and R.
type classes struct{}
