package queue

// Keeps says that a message is too large to leave this way by itself. Nothing
// is written down of it: it is not due, it does not age (law 5), and it goes by
// itself as soon as the verdict is another.
func (v Verdict) Keeps(n Name) bool { return v.MaxSize > 0 && n.Size > v.MaxSize }

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
