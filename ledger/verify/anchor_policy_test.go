package verify_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func TestAnchorPolicy(t *testing.T) {
	sizes := []uint64{30, 0, 20, 50}
	for text, want := range map[string]uint64{"all": 0, "": 0, "any": 50, "1": 50, "2": 30, "3": 20, "4": 0, "5": 0} {
		p, err := verify.ParseAnchorPolicy(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := p.Anchored(sizes); got != want {
			t.Errorf("%q: %d leaves are anchored: want %d", text, got, want)
		}
		if again, err := verify.ParseAnchorPolicy(p.String()); err != nil || again != p {
			t.Errorf("%q is written %q", text, p)
		}
	}
	for _, text := range []string{"0", "-1", "+1", "01", "none", "ALL", "1.5"} {
		if p, err := verify.ParseAnchorPolicy(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
	if p, _ := verify.ParseAnchorPolicy("any"); p.Anchored(nil) != 0 {
		t.Error("something is anchored in no Rekor")
	}
}
