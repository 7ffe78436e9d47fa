package archive

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// TestBodies writes chunks over several segments, reopens now and then at a size
// that a tree might have, with or without offsets, and reads all back.
func TestBodies(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "bodies")
		must(t, err)
		defer os.RemoveAll(dir)
		var model [][]byte
		b, err := OpenBodies(dir, 0, false)
		must(t, err)
		b.maxBytes = 300
		r.Repeat(map[string]func(*rapid.T){
			"append": func(r *rapid.T) {
				chunk := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 100), 1, 5).Draw(r, "bodies")
				if err := b.Append(chunk); err != nil {
					r.Fatal(err)
				}
				model = append(model, chunk...)
			},
			"reopen": func(r *rapid.T) {
				size := rapid.IntRange(0, len(model)).Draw(r, "size")
				b.Close()
				if rapid.Bool().Draw(r, "lose offsets") {
					names, _ := filepath.Glob(filepath.Join(dir, "*"+offsetsSuffix))
					for _, name := range names {
						os.Remove(name)
					}
				}
				if b, err = OpenBodies(dir, uint64(size), false); err != nil {
					r.Fatal(err)
				}
				b.maxBytes = 300
				model = model[:size]
			},
			"": func(r *rapid.T) {
				for i, want := range model {
					if got, err := b.Read(uint64(i)); err != nil || !bytes.Equal(got, want) {
						r.Fatalf("body %d: %q, %v: want %q", i, got, err, want)
					}
				}
				if _, err := b.Read(uint64(len(model))); err == nil {
					r.Fatal("there is a body more than were written")
				}
			},
		})
		b.Close()
	})
}
