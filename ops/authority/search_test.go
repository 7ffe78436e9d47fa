package authority

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Of many texts each is found wherever it lies, across the parts in which a file is read
// too, and what isn't there isn't found.
func TestSearch(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	var texts [][]byte
	for i := range 5000 {
		text := make([]byte, 4+i%200)
		random.Read(text)
		texts = append(texts, text)
	}
	noise := make([]byte, 3<<20)
	random.Read(noise)
	for _, at := range []int{0, 1, 1<<20 - 100, 1<<20 - 1, 1 << 20, 1<<20 + 150, 2<<20 + 77, len(noise) - 203} {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, noise, 0o600); err != nil {
			t.Fatal(err)
		}
		targets := []Target{{texts: texts}}
		if found, err := search(dir, targets); err != nil || len(found.Hits) != 0 || found.Bytes != int64(len(noise)) || found.Files != 1 {
			t.Fatalf("noise: %+v, %v", found, err)
		}
		for _, i := range []int{0, 3, 4, 199, 4999} {
			with := slices.Clone(noise)
			copy(with[at:], texts[i])
			if err := os.WriteFile(file, with, 0o600); err != nil {
				t.Fatal(err)
			}
			if found, err := search(dir, targets); err != nil || !slices.Equal(found.Hits, []string{"file"}) {
				t.Errorf("a text of %d bytes at %d: %+v, %v", len(texts[i]), at, found, err)
			}
		}
	}
}
