package archive

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestErase overwrites what is erased, and is finished by the next start wherever it
// was interrupted.
func TestErase(t *testing.T) {
	secret, kept := []byte("what must go\n"), []byte("what stays\n")
	for _, c := range []struct {
		name string
		stop func(b *Bodies) error // in the middle of erasing body 1
	}{
		{"finished", func(b *Bodies) error { return b.Erase(1, kept) }},
		{"nothing written", func(*Bodies) error { return nil }},
		{"redo written, reported failed", func(b *Bodies) error {
			return writeRedoOf(b, 1, kept)
		}},
		{"redo written, and half of the record", func(b *Bodies) error {
			if err := writeRedoOf(b, 1, kept); err != nil {
				return err
			}
			s, at, err := b.find(1)
			if err != nil {
				return err
			}
			_, err = s.bodies.WriteAt(make([]byte, 10), at)
			return err
		}},
		{"record written, redo still there", func(b *Bodies) error {
			if err := b.Erase(1, kept); err != nil {
				return err
			}
			return writeRedoOf(b, 1, kept)
		}},
		{"half of the redo written", func(b *Bodies) error {
			if err := writeRedoOf(b, 1, kept); err != nil {
				return err
			}
			return os.Truncate(filepath.Join(b.dir, redoFile), 30)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b, err := OpenBodies(dir, 0, false)
			must(t, err)
			bodies := [][]byte{[]byte("first\n"), append(bytes.Clone(kept), secret...), []byte("x"), {}, []byte("last\n")}
			must(t, b.Append(bodies))
			must(t, c.stop(b))
			must(t, b.Close())
			b, err = OpenBodies(dir, uint64(len(bodies)), false)
			must(t, err)
			defer b.Close()
			if _, err := os.Stat(filepath.Join(dir, redoFile)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the redo file is still there: %v", err)
			}
			// What was not begun is asked for again; what was done is done again for nothing.
			must(t, b.Erase(1, kept))
			must(t, b.Erase(2, []byte{}))
			bodies[1], bodies[2] = kept, nil
			for _, name := range globbed(t, dir) {
				raw, err := os.ReadFile(name)
				must(t, err)
				if bytes.Contains(raw, secret[:len(secret)-1]) {
					t.Errorf("%s still holds it", name)
				}
			}
			must(t, b.Append([][]byte{[]byte("more\n")}))
			bodies = append(bodies, []byte("more\n"))
			for _, offsets := range []bool{true, false} {
				if !offsets { // the segment can still be walked through
					must(t, b.Close())
					for _, name := range globbed(t, dir) {
						if filepath.Ext(name) == offsetsSuffix {
							must(t, os.Remove(name))
						}
					}
					b, err = OpenBodies(dir, uint64(len(bodies)), false)
					must(t, err)
				}
				for i, want := range bodies {
					if got, err := b.Read(uint64(i)); err != nil || !bytes.Equal(got, want) {
						t.Errorf("body %d: %q, %v: want %q", i, got, err, want)
					}
				}
			}
			for i, want := range []bool{false, true, true, false, false, false} {
				if got, err := b.Erased(uint64(i)); err != nil || got != want {
					t.Errorf("body %d erased: %v, %v", i, got, err)
				}
			}
		})
	}
}

func writeRedoOf(b *Bodies, leaf uint64, remains []byte) error {
	s, at, err := b.find(leaf)
	if err != nil {
		return err
	}
	r, err := s.read(at)
	if err != nil {
		return err
	}
	record, err := erasedRecord(r.space, remains)
	if err != nil {
		return err
	}
	return b.writeRedo(s.bodies.Name(), at, record)
}

func globbed(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	return names
}
