package archive

import (
	"bytes"
	"fmt"
	"testing"
)

// Bodies open for reading follow a writer from one segment into the next.
func TestBodiesGrow(t *testing.T) {
	dir := t.TempDir()
	writer, err := OpenBodies(dir, 0, false)
	must(t, err)
	defer writer.Close()
	writer.maxBytes = 150
	reader, err := OpenBodies(dir, 0, true)
	must(t, err)
	defer reader.Close()
	var bodies [][]byte
	for n := range 60 {
		batch := make([][]byte, n%4+1)
		for i := range batch {
			batch[i] = bytes.Repeat([]byte{byte(n)}, n)
		}
		must(t, writer.Append(batch))
		bodies = append(bodies, batch...)
		if n%3 == 0 {
			must(t, reader.grow(uint64(len(bodies))))
			for leaf, want := range bodies {
				if got, err := reader.Read(uint64(leaf)); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("after %d: body of leaf %d: %d bytes, %v", len(bodies), leaf, len(got), err)
				}
			}
		}
	}
	if len(reader.segments) < 5 {
		t.Errorf("%d segments were made: want several", len(reader.segments))
	}
	size := uint64(len(bodies))
	if err := reader.grow(size + 1); err == nil {
		t.Error("it grew by a body that nobody wrote")
	}
	if _, err := reader.Read(size); err == nil {
		t.Error("a body that nobody wrote was read")
	}
	must(t, writer.Append([][]byte{[]byte(fmt.Sprint(size))}))
	must(t, reader.grow(size+1))
	if body, err := reader.Read(size); err != nil || string(body) != fmt.Sprint(size) {
		t.Errorf("body of leaf %d: %q, %v", size, body, err)
	}
}
