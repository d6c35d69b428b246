package queue

import "context"

type firstTryKey struct{}

// FirstTry is ctx for the opening of a session for a message that nobody has
// tried to send yet.
func FirstTry(ctx context.Context) context.Context {
	return context.WithValue(ctx, firstTryKey{}, true)
}

// IsFirstTry says that ctx is one of FirstTry: sendmail's Timeout.iconnect is for such a try, so that a dead
// server does not hold up new mail for long.
func IsFirstTry(ctx context.Context) bool { return ctx.Value(firstTryKey{}) != nil }

// firstTry is ctx for a session that is opened for the message of that name. A
// try that ended before the server took the session is none of the message's
// (law 2), so the route's own last failure counts here: a server that is only
// slow must be reached by the second try.
func (c *carrier) firstTry(ctx context.Context, name Name) context.Context {
	if name.Attempts > 0 || !name.Last.IsZero() {
		return ctx
	}
	state, err := c.runner.Spool.RouteState(c.route)
	if err != nil || state.Fault != nil && state.At.After(name.ID.Received()) {
		return ctx
	}
	return FirstTry(ctx)
}
