package verify

import (
	"bytes"
)

// Members and Container take a bundle's zip apart and put it together, so that tests
// can change what is in it as an adversary would: with checksums that are right.

func Members(b []byte) (names []string, data [][]byte, err error) {
	parts, err := openContainer(bytes.NewReader(b), int64(len(b)))
	for _, p := range parts {
		names, data = append(names, p.name), append(data, b[p.offset:p.offset+p.size])
	}
	return names, data, err
}

func Container(names []string, data [][]byte) ([]byte, error) {
	members := make([]member, len(names))
	for i := range names {
		members[i] = bytesMember(names[i], data[i])
	}
	return marshalContainer(members)
}
