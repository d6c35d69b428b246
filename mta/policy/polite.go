package policy

import (
	"context"
	"net/netip"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/mta/names"
)

// Helo judges the name in EHLO or HELO, "" for none.
func (v *Visit) Helo(ctx context.Context, name string) Verdict {
	v.policy.slow(ctx)
	return Verdict{Rule: "check_helo", Arg1: name}
}

// Verify judges VRFY, Expand EXPN, ETRN that, and Verbose VERB, by
// PrivacyOptions.
func (v *Visit) Verify(ctx context.Context) Verdict {
	v.policy.slow(ctx)
	verdict := v.polite(config.NeedVrfyHelo, needHelo)
	if verdict.Refusal == nil && v.policy.privacy.Has(config.NoVrfy) {
		verdict = refuse(252, [3]int{2, 5, 2}, "Cannot VRFY user; try RCPT to attempt delivery (or try finger)")
	}
	verdict.Rule = "check_vrfy"
	return verdict
}

// Expand is Verify for EXPN.
func (v *Visit) Expand(ctx context.Context) Verdict {
	v.policy.slow(ctx)
	verdict := v.polite(config.NeedExpnHelo, needHelo)
	if verdict.Refusal == nil && v.policy.privacy.Has(config.NoExpn) {
		verdict = forbidden()
	}
	verdict.Rule = "check_expn"
	return verdict
}

// ETRN is Verify for ETRN.
func (v *Visit) ETRN(ctx context.Context) Verdict {
	v.policy.slow(ctx)
	verdict := Verdict{}
	if v.policy.privacy.Has(config.NoETRN) {
		verdict = forbidden()
	}
	verdict.Rule = "check_etrn"
	return verdict
}

// Verbose is Verify for VERB.
func (v *Visit) Verbose() Verdict {
	if v.policy.privacy.Has(config.NoVerb) {
		return refuse(502, [3]int{5, 7, 0}, "Verbose unavailable")
	}
	return Verdict{}
}

const needHelo = "I demand that you introduce yourself first"

func forbidden() Verdict {
	return refuse(502, [3]int{5, 7, 0}, "Sorry, we do not allow this operation")
}

// polite refuses a client that has not said HELO, where a flag wants it.
func (v *Visit) polite(flag config.PrivacyFlags, words string) Verdict {
	if v.Client.Helo != "" || !v.policy.privacy.Has(flag) {
		return Verdict{}
	}
	return refuse(503, [3]int{5, 0, 0}, words)
}

// badHelo is FEATURE(block_bad_helo): a client that calls itself by our name, or
// by a name without a dot, says what is not so.
func (v *Visit) badHelo() Verdict {
	p, c := v.policy, &v.Client
	if !p.rules.BlockBadHelo || c.User != "" || !c.Addr.IsValid() || p.classes.relaysAddress(c.Addr) != "" {
		return Verdict{}
	}
	name := canonical(c.Helo)
	inner := strings.Trim(c.Helo, ".")
	bare, err := netip.ParseAddr(c.Helo)
	switch {
	case p.classes.local(name), err == nil && p.classes.local(canonical(names.Literal(bare))):
	case strings.HasPrefix(name, "[ipv6:"), strings.Contains(inner, "."):
		return Verdict{}
	}
	return refuse(550, [3]int{5, 7, 1}, "bogus HELO name used: "+visible.Line(c.Helo, mostShown))
}
