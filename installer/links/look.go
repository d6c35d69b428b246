package links

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// alternatives is the folder through which update-alternatives(1) leads.
const alternatives = "/etc/alternatives/"

func (l *Links) look(ctx context.Context, path string) (Link, error) {
	link := Link{Path: path}
	if exists(l.root + path + Saved) {
		link.Kept = path + Saved
	}
	if info, err := os.Stat(l.root + filepath.Dir(path)); err != nil || !info.IsDir() {
		link.State = NoPlace
		return link, nil
	}
	info, err := os.Lstat(l.root + path)
	if errors.Is(err, fs.ErrNotExist) {
		return link, nil
	}
	if err != nil {
		return link, explained(err, path)
	}
	// What dpkg was told to put elsewhere is still called its package's.
	if !l.diverted(ctx, path) {
		link.Package = l.packageOf(ctx, path)
	}
	if info.Mode().Type() != fs.ModeSymlink {
		link.State = Foreign
		return link, nil
	}
	if link.Target, err = os.Readlink(l.root + path); err != nil {
		return link, explained(err, path)
	}
	if group, ok := strings.CutPrefix(link.Target, alternatives); ok && !strings.Contains(group, "/") {
		link.Group = group
		link.follows = !exists(l.root+"/var/lib/dpkg/alternatives/"+group) && !exists(l.root+"/var/lib/alternatives/"+group)
		// A broken one leads nowhere: it belongs to nobody we know.
		link.Target, _ = os.Readlink(l.root + alternatives + group)
	}
	link.State = l.leads(path, link.Target)
	return link, nil
}

// followersOf marks the names that are free only because what is chosen in
// the group of another name does not bring them.
func (l *Links) followersOf(ctx context.Context, all []Link) {
	for _, first := range all {
		if first.Group == "" || first.follows {
			continue
		}
		out, err := l.run(ctx, "update-alternatives", "--query", first.Group)
		if err != nil {
			continue // the alternatives of Fedora have no --query: then they are as they look
		}
		for line := range strings.Lines(out) {
			name, path, ok := strings.Cut(strings.TrimSpace(line), " ")
			for i := range all {
				if ok && strings.HasPrefix(line, " ") && all[i].Path == path && all[i].State == Free {
					all[i].Group, all[i].follows = name, true
				}
			}
		}
	}
}

// leads says whose a link at path to target is.
func (l *Links) leads(path, target string) State {
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	switch {
	case filepath.Clean(target) == filepath.Clean(l.shim):
		return Ours
	// Where any of our installations keeps its shim.
	case strings.HasSuffix(filepath.Clean(target), "/lib/mailcrane/sendmail"):
		return Stale
	}
	return Foreign
}

// packageOf is the Debian package that owns path, or "": no answer is as good
// as none, since what dpkg does not own is kept aside just the same.
func (l *Links) packageOf(ctx context.Context, path string) string {
	out, err := l.run(ctx, "dpkg-query", "--search", path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(out) {
		// "diversion by postfix from: …" and "local diversion to: …" are no owner.
		owner, file, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && file == path && !strings.Contains(owner, " ") {
			return owner
		}
	}
	return ""
}

// diverted says that dpkg has been told by us to put path elsewhere.
func (l *Links) diverted(ctx context.Context, path string) bool {
	out, err := l.run(ctx, "dpkg-divert", "--truename", path)
	return err == nil && strings.TrimSpace(out) == path+Saved
}
