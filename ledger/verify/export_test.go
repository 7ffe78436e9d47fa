package verify

// Members and Container take a bundle's zip apart and put it together, so that tests
// can change what is in it as an adversary would: with checksums that are right.

func Members(b []byte) (names []string, data [][]byte, err error) {
	members, err := parseContainer(b)
	for _, m := range members {
		names, data = append(names, m.name), append(data, m.data)
	}
	return names, data, err
}

func Container(names []string, data [][]byte) ([]byte, error) {
	members := make([]member, len(names))
	for i := range names {
		members[i] = member{names[i], data[i]}
	}
	return marshalContainer(members)
}
