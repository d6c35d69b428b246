package queue

// Keeps says that a message is not to leave this way by itself: a rule of the
// policy holds it, or it is too large. Nothing is written down of it: it is not
// due, it does not age (law 5), and it goes by itself as soon as the verdict is
// another.
func (v Verdict) Keeps(n Name) bool { return v.Withholds() || v.MaxSize > 0 && n.Size > v.MaxSize }

// Withholds says that a rule of the policy keeps all mail back. There is a way
// out, so that a person may overrule it.
func (v Verdict) Withholds() bool { return !v.Try && v.Rule != "" }

// keeps is Keeps, but for what queuereturn=now gives up, which costs no octet.
func (r *Runner) keeps(v Verdict, n Name) bool {
	return v.Keeps(n) && r.schedule().life(n.Class, false) >= 0
}

// kept says that the message waits for another way out of its route.
func (f *flush) kept(n Name) bool {
	if !f.bounds {
		return false
	}
	route, err := f.guide.route(n)
	return err == nil && f.keeps(f.Reach.Verdict(route), n)
}
