package route

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
	"mailcrane/mta/policy"
)

// A Rewriter gives the addresses of a message the form in which they are to be
// seen: by the domaintable, the genericstable and the masquerade. An error is
// temporary: a map cannot be asked.
type Rewriter struct {
	table *Table
	here  bool
}

// Rewriter is the one for mail that leaves this machine, or that stays here.
func (t *Table) Rewriter(stays bool) *Rewriter { return &Rewriter{t, stays} }

// Nothing says that no address is ever rewritten.
func (r *Rewriter) Nothing() bool {
	t := r.table
	return t.domains.none() && t.generics.none() && t.masks.As == ""
}

// Reverse is the reverse-path as it leaves.
func (r *Rewriter) Reverse(ctx context.Context, sender string) (string, error) {
	return r.Sender(ctx, sender, false)
}

// Sender is a sender's address of the envelope, or of the header.
func (r *Rewriter) Sender(ctx context.Context, sender string, inHeader bool) (string, error) {
	return r.rewrite(ctx, sender, inHeader || r.table.masks.Envelope)
}

// Recipient is a recipient's address of the header.
func (r *Rewriter) Recipient(ctx context.Context, recipient string) (string, error) {
	return r.rewrite(ctx, recipient, r.table.masks.All)
}

// rewrite is an address under its new domain and, where masked says so, as the
// genericstable and the masquerade have it.
func (r *Rewriter) rewrite(ctx context.Context, text string, masked bool) (string, error) {
	if text == "" || r.Nothing() {
		return text, nil
	}
	t := r.table
	local, domain := policy.Path(text)
	p := person{local: local, domain: domain}
	if domain != "" {
		renamed, _, ok, err := t.domains.find(ctx, "domaintable", domain)
		if err != nil {
			return "", err
		}
		if ok {
			p.domain = policy.Canonical(renamed)
		}
	}
	if r.here && p.domain == "" { // the local mailer adds no domain
		return text, nil
	}
	if p.domain == "" || !r.here && p.domain == t.classes.Host() {
		p.own, p.domain = true, t.classes.Host()
	}
	if masked && !(r.here && t.masks.LocalNo) {
		done, err := t.generically(ctx, &p)
		if err != nil {
			return "", err
		}
		if !done {
			t.hide(&p)
		}
	}
	if p.local == local && p.domain == domain {
		return text, nil
	}
	return address.Quote(p.local) + "@" + p.domain, nil
}

// Fields whose addresses are rewritten, as sendmail marks them H_FROM and H_RCPT.
var (
	senderFields    = [...]string{"From", "Sender", "Reply-To", "Errors-To", "Disposition-Notification-To", "Resent-From", "Resent-Sender", "Resent-Reply-To"}
	recipientFields = [...]string{"To", "Cc", "Bcc", "Apparently-To", "Resent-To", "Resent-Cc", "Resent-Bcc"}
)

// mostHeader bounds a header section, in octets; what is taken in has a lower
// bound.
const mostHeader = 1 << 20

// Message is a message with the addresses of its header rewritten. What does not
// change stays as it came, octet for octet.
func (r *Rewriter) Message(ctx context.Context, message io.Reader) (io.Reader, error) {
	if r.Nothing() {
		return message, nil
	}
	var scan header.Scan
	length := 0
	begun, _, err := header.Read(message, mostHeader, func(b []byte, eof bool) (ok bool) {
		length, _, ok = scan.End(b, eof)
		return ok
	})
	if err != nil {
		return nil, fmt.Errorf("the header cannot be read: %w", err)
	}
	section := header.Parse(begun[:length])
	for i, f := range section.Fields {
		change := r.Recipient
		switch {
		case slices.ContainsFunc(senderFields[:], f.Is):
			change = func(ctx context.Context, text string) (string, error) { return r.Sender(ctx, text, true) }
		case !slices.ContainsFunc(recipientFields[:], f.Is):
			continue
		}
		if section.Fields[i], err = rewritten(ctx, f, change); err != nil {
			return nil, err
		}
	}
	return io.MultiReader(bytes.NewReader(section.AppendTo(nil)), bytes.NewReader(begun[length:]), message), nil
}

// rewritten is a field with each address changed, and nothing around them.
func rewritten(ctx context.Context, f header.Field, change func(context.Context, string) (string, error)) (header.Field, error) {
	body := string(f.Body())
	list, _ := address.ParseList(body)
	var out strings.Builder
	done := 0
	for _, box := range list {
		if box.Address == "" || box.Word {
			continue
		}
		changed, err := change(ctx, box.Address)
		if err != nil {
			return f, err
		}
		if changed == box.Address {
			continue
		}
		out.WriteString(body[done:box.Start])
		out.WriteString(changed)
		done = box.End
	}
	if done == 0 {
		return f, nil
	}
	out.WriteString(body[done:])
	return f.WithBody([]byte(out.String())), nil
}
