package safefile

import "mailcrane/internal/config"

// A Kind is what a file is for, which says what is checked of it.
type Kind uint8

// The kinds.
const (
	Map           Kind = iota // access, mailertable, virtusertable and their kin
	Alias                     // aliases
	Class                     // local-host-names, relay-domains
	Forward                   // .forward, of the user of Rules.As
	Include                   // a list of :include:, of whoever owns it
	Key                       // the private key of a certificate
	Certificate               // a certificate, a list of authorities or of revoked ones
	Passwords                 // who may log in: sendmail's SASL database
	AuthInfo                  // what the server logs in with elsewhere
	ServiceSwitch             // the order of the name services
	Help                      // the text of HELP
	ErrorHeader               // the text before a bounce
	Statistics                // StatusFile
	Delivery                  // a file that mail is appended to
	Program                   // a program that mail is handed to
)

func (k Kind) String() string { return kinds[min(int(k), len(kinds)-1)].noun }

// checks are those of a kind, with the words that excuse each; no word excuses
// where there is none.
type checks struct {
	noun string
	// unsafeDir is for a directory that others can write, groupDir for one that
	// only a group can.
	unsafeDir, groupDir config.Blame
	// link is for a symbolic link in such a directory.
	link config.Blame
	// groupWritable and worldWritable are for the file.
	groupWritable, worldWritable config.Blame
	// private: others must not read it either.
	private       bool
	groupReadable config.Blame
	// targetsDir and targetsFile let programs and files stand in it all the same.
	targetsDir, targetsFile config.Blame
	// symLink and hardLink are for what is written to.
	symLink, hardLink config.Blame
	// anyOwner: whoever owns it, it is used in their name only.
	anyOwner bool
	// linksLoose: sendmail does not mind links of this kind.
	linksLoose bool
}

// kinds are in the order of the constants.
var kinds = [...]checks{
	Map: {
		noun: "map file", unsafeDir: config.MapInUnsafeDirPath, link: config.LinkedMapInWritableDir,
		symLink: config.WriteMapToSymLink, hardLink: config.WriteMapToHardLink,
	},
	Alias: {
		noun: "alias file", unsafeDir: config.MapInUnsafeDirPath, link: config.LinkedAliasFileInWritableDir,
		groupWritable: config.GroupWritableAliasFile, worldWritable: config.WorldWritableAliasFile,
		symLink: config.WriteMapToSymLink, hardLink: config.WriteMapToHardLink,
	},
	Class: {noun: "class file", unsafeDir: config.ClassFileInUnsafeDirPath, link: config.LinkedClassFileInWritableDir},
	Forward: {
		noun: "forward file", unsafeDir: config.ForwardFileInUnsafeDirPath, groupDir: config.ForwardFileInGroupWritableDirPath,
		link:          config.LinkedForwardFileInWritableDir,
		groupWritable: config.GroupWritableForwardFile, worldWritable: config.WorldWritableForwardFile,
		targetsDir: config.ForwardFileInUnsafeDirPathSafe, targetsFile: config.GroupWritableForwardFileSafe,
	},
	Include: {
		noun: "include file", unsafeDir: config.IncludeFileInUnsafeDirPath, groupDir: config.IncludeFileInGroupWritableDirPath,
		link:          config.LinkedIncludeFileInWritableDir,
		groupWritable: config.GroupWritableIncludeFile, worldWritable: config.WorldWritableIncludeFile,
		targetsDir: config.IncludeFileInUnsafeDirPathSafe, targetsFile: config.GroupWritableIncludeFileSafe,
		anyOwner: true,
	},
	Key:         {noun: "key file", private: true, groupReadable: config.GroupReadableKeyFile},
	Certificate: {noun: "certificate file"},
	Passwords: {
		noun: "password file", private: true,
		groupReadable: config.GroupReadableSASLDBFile, groupWritable: config.GroupWritableSASLDBFile,
	},
	AuthInfo:      {noun: "authinfo file", private: true, groupReadable: config.GroupReadableDefaultAuthInfoFile},
	ServiceSwitch: {noun: "service switch file", link: config.LinkedServiceSwitchFileInWritableDir},
	Help:          {noun: "help file", unsafeDir: config.HelpFileInUnsafeDirPath, linksLoose: true},
	ErrorHeader:   {noun: "error header file", unsafeDir: config.ErrorHeaderInUnsafeDirPath, linksLoose: true},
	Statistics:    {noun: "statistics file", symLink: config.WriteStatsToSymLink, hardLink: config.WriteStatsToHardLink},
	Delivery: {
		noun: "file of a delivery", symLink: config.FileDeliveryToSymLink, hardLink: config.FileDeliveryToHardLink,
		anyOwner: true,
	},
	Program: {noun: "program", anyOwner: true, linksLoose: true},
}
