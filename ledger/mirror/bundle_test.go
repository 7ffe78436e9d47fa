package mirror

import (
	"bytes"
	"testing"
)

// FuzzParseBodies holds that the bodies of a bundle have one written form, and that what is
// withheld is told from what is empty.
func FuzzParseBodies(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add(appendBody(appendBody(appendBody(nil, []byte("one")), nil), []byte{}), 3)
	f.Add([]byte{0xff, 0xff, 0xff, 0xfe, 0}, 1)
	f.Add([]byte{0, 0, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 256 {
			return
		}
		bodies, err := parseBodies(b, n)
		if err != nil {
			return
		}
		var again []byte
		for _, body := range bodies {
			again = appendBody(again, body)
		}
		if len(bodies) != n || !bytes.Equal(again, b) {
			t.Errorf("%q is written again as %q", b, again)
		}
	})
}

// FuzzParseEntries holds that what is read of an entry bundle is written as the same bytes.
func FuzzParseEntries(f *testing.F) {
	f.Add(marshalBundle([][]byte{[]byte("one"), {}, []byte("three")}), 3)
	f.Add([]byte{0xff, 0xff, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 256 {
			return
		}
		entries, err := parseBundle(b, n)
		if err != nil {
			return
		}
		if again := marshalBundle(entries); !bytes.HasPrefix(b, again) {
			t.Errorf("%q is written again as %q", b, again)
		}
	})
}
