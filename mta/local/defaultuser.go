package local

// DefaultUser is who programs and files of aliases run as, by the option's text;
// "" is sendmail's choice.
func DefaultUser(text string) (Account, error) { return defaultUser(text, LookUp) }
