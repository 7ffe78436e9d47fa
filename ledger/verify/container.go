package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	// MaxBundle is the most bytes that a bundle can have. Nothing in it is compressed, so that it
	// bounds the memory to read one too.
	MaxBundle  = 64 << 20
	maxMembers = 1<<16 - 2
	maxMember  = 96 // of a member's name

	localHeader   = 30
	centralHeader = 46
	endOfZip      = 22
	dosEpoch      = 0x21 // 1980-01-01, the first day that a zip can name
)

// member is one file of a bundle.
type member struct {
	name string
	data []byte
}

// marshalContainer writes members as the one zip that holds them
// (APPNOTE.TXT, https://pkware.com/appnote): stored, in the order of their names'
// bytes, dated 1980-01-01, with no extra fields, comments or flags.
func marshalContainer(members []member) ([]byte, error) {
	size := endOfZip
	for i, m := range members {
		if !plainName(m.name) || i > 0 && m.name <= members[i-1].name {
			return nil, fmt.Errorf("%.100q can't stand there", m.name)
		}
		if size += localHeader + centralHeader + 2*len(m.name) + len(m.data); size > MaxBundle {
			return nil, fmt.Errorf("it would be longer than %d bytes", MaxBundle)
		}
	}
	if len(members) > maxMembers {
		return nil, fmt.Errorf("it would hold %d files: the most is %d", len(members), maxMembers)
	}
	b := make([]byte, 0, size)
	directory := make([]byte, 0, size/8)
	le := binary.LittleEndian
	for _, m := range members {
		offset := len(b)
		common := le.AppendUint16(nil, 10)  // version 1.0 extracts it
		common = le.AppendUint16(common, 0) // no flags
		common = le.AppendUint16(common, 0) // stored
		common = le.AppendUint32(common, dosEpoch<<16)
		common = le.AppendUint32(common, crc32.ChecksumIEEE(m.data))
		common = le.AppendUint32(common, uint32(len(m.data)))
		common = le.AppendUint32(common, uint32(len(m.data)))
		common = le.AppendUint16(common, uint16(len(m.name)))
		common = le.AppendUint16(common, 0) // no extra field
		b = append(append(append(append(b, "PK\x03\x04"...), common...), m.name...), m.data...)

		directory = append(directory, "PK\x01\x02"...)
		directory = le.AppendUint16(directory, 10) // made by version 1.0
		directory = append(directory, common...)
		directory = append(directory, make([]byte, 10)...) // no comment, disk 0, no attributes
		directory = le.AppendUint32(directory, uint32(offset))
		directory = append(directory, m.name...)
	}
	at := len(b)
	b = append(b, directory...)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	b = le.AppendUint16(b, uint16(len(members)))
	b = le.AppendUint16(b, uint16(len(members)))
	b = le.AppendUint32(b, uint32(len(directory)))
	b = le.AppendUint32(b, uint32(at))
	return le.AppendUint16(b, 0), nil
}

// notBundle says what b is instead.
func notBundle(b []byte) string {
	switch {
	case len(b) == 0:
		return "it is empty"
	case bytes.HasPrefix(b, []byte("c2sp.org/tlog-proof")):
		return "it is a receipt, no evidence bundle: a receipt proves a leaf, and saksi audit looks at receipts"
	}
	return "it is not the zip that an evidence bundle is"
}

func plainName(s string) bool {
	if s == "" || len(s) > maxMember {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '/' && c != '.' {
			return false
		}
	}
	return true
}

// parseContainer reads what marshalContainer wrote, and nothing else: it writes the
// members again and compares. The members alias b.
func parseContainer(b []byte) ([]member, error) {
	if len(b) > MaxBundle {
		return nil, fmt.Errorf("it has %d bytes: the most is %d", len(b), MaxBundle)
	}
	var members []member
	le := binary.LittleEndian
	for rest := b; bytes.HasPrefix(rest, []byte("PK\x03\x04")); {
		if len(rest) < localHeader {
			return nil, errors.New("it is cut short")
		}
		crc, size, name := le.Uint32(rest[14:]), uint64(le.Uint32(rest[18:])), uint64(le.Uint16(rest[26:]))
		end := localHeader + name + size
		if end > uint64(len(rest)) || len(members) == maxMembers {
			return nil, errors.New("it is cut short, or a length in it was changed")
		}
		m := member{string(rest[localHeader : localHeader+name]), rest[localHeader+name : end : end]}
		if !plainName(m.name) {
			return nil, fmt.Errorf("it holds a file with the name %.100q", m.name)
		}
		if crc32.ChecksumIEEE(m.data) != crc {
			if flags := le.Uint16(rest[6:]); flags != 0 || le.Uint16(rest[8:]) != 0 {
				return nil, fmt.Errorf("%s is packed as saksi evidence doesn't: was it unpacked, and packed again by another program?", m.name)
			}
			return nil, fmt.Errorf("the bytes of %s are not those whose checksum stands before them", m.name)
		}
		members = append(members, m)
		rest = rest[end:]
	}
	if len(members) == 0 {
		return nil, errors.New(notBundle(b))
	}
	again, err := marshalContainer(members)
	if err != nil {
		return nil, err
	}
	for i := range min(len(b), len(again)) {
		if b[i] != again[i] {
			return nil, fmt.Errorf("byte %d is not the one that saksi evidence writes there: it was changed, or packed again by another program", i)
		}
	}
	if len(b) != len(again) {
		return nil, fmt.Errorf("it has %d bytes, and its zip %d", len(b), len(again))
	}
	return members, nil
}
