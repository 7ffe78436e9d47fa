package http

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// What is read as bodies is written as the same bytes.
func FuzzParseFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 'a', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 3)
	f.Add([]byte{0, 0, 0, 2, 'a'}, 1)
	f.Add([]byte{0xff, 0xff, 0xff, 0xfe}, 1)
	f.Fuzz(func(t *testing.T, b []byte, count int) {
		count = 1 + (count&0xff)%maxCount
		bodies, err := parseFrames(b, count)
		if err != nil {
			return
		}
		if len(bodies) == 0 || len(bodies) > count {
			t.Fatalf("%d bodies of %d", len(bodies), count)
		}
		var written []byte
		for _, body := range bodies {
			if body == nil {
				written = binary.BigEndian.AppendUint32(written, withheld)
				continue
			}
			written = append(binary.BigEndian.AppendUint32(written, uint32(len(body))), body...)
		}
		if !bytes.Equal(written, b) {
			t.Errorf("%x is read as %q", b, bodies)
		}
	})
}
