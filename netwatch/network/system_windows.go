package network

// system is what Windows says of its adapters and routes, of its wireless
// networks, and of what they cost.
func system(poke func()) ([]source, error) {
	a, err := openAdapters(poke)
	if err != nil {
		return nil, err
	}
	return append([]source{a}, openHints(poke)...), nil
}
