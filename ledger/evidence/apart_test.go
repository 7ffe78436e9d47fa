package evidence

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestApart: whatever stands between the leaves, those that are looked at have all the
// bounds that there are, or are as many as may be; the last is among them.
func TestApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfNDistinct(rapid.Uint64Range(0, 300), 1, 60, rapid.ID).Draw(t, "leaves")
		sizes := rapid.SliceOfDistinct(rapid.Uint64Range(1, 310), rapid.ID).Draw(t, "sizes")
		most := rapid.IntRange(2, 20).Draw(t, "most")
		slices.Sort(leaves)
		slices.Sort(sizes)
		covers := func(leaf uint64) uint64 {
			i, found := slices.BinarySearch(sizes, leaf)
			if found {
				i++
			}
			if i == len(sizes) {
				return 0
			}
			return sizes[i]
		}
		asked := map[uint64]int{}
		some, err := apart(leaves, most, remember(func(leaf uint64) (uint64, error) {
			asked[leaf]++
			return covers(leaf), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(some) || some[len(some)-1] != leaves[len(leaves)-1] {
			t.Fatalf("%v of %v", some, leaves)
		}
		for leaf, n := range asked {
			if n > 1 {
				t.Fatalf("leaf %d was looked at %d times", leaf, n)
			}
		}
		want, got := map[uint64]bool{}, map[uint64]bool{}
		for _, leaf := range leaves {
			want[covers(leaf)] = true
		}
		for _, leaf := range some {
			got[covers(leaf)] = true
		}
		if len(want) <= most && len(got) != len(want) {
			t.Fatalf("%d of %d bounds", len(got), len(want))
		}
		if len(some) > most+1 || len(want) > most && len(some) != min(most, len(leaves)) {
			t.Fatalf("%d leaves: the most is %d", len(some), most)
		}
	})
}
