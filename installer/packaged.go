package installer

import "path/filepath"

// Where a package puts what Install else writes below /etc, which goes before it.
const (
	packagedUnits    = "/usr/lib/systemd/system"
	packagedTmpfiles = "/usr/lib/tmpfiles.d"
	packagedUsers    = "/usr/lib/sysusers.d"
)

// Packaged are the files of a package of mailcrane, by their paths: the units
// of the machine's service, its directories and its user.
func (o Options) Packaged() map[string]string {
	all := map[string]string{
		filepath.Join(packagedUnits, unitName):     o.unit(),
		filepath.Join(packagedUsers, Name+".conf"): account + "\n",
	}
	for _, c := range o.companions() {
		if c.text != "" {
			all[c.packaged()] = c.text
		}
	}
	return all
}

// packaged is where a package has it.
func (c companion) packaged() string {
	if c.isUnit() {
		return filepath.Join(packagedUnits, c.name)
	}
	return filepath.Join(packagedTmpfiles, c.name)
}
