package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// witnessNames are those of the policies below.
var witnessNames = []string{"x1", "x2", "x3", "y1", "y2"}

// policyText writes a policy of witnesses that fixedWitness knows, and these lines.
func policyText(t testing.TB, lines ...string) string {
	t.Helper()
	var b strings.Builder
	for i, name := range witnessNames {
		_, w := fixedWitness(t, "witness.example/"+name)
		fmt.Fprintf(&b, "witness %s %s", name, w.Key())
		if i%2 == 0 {
			fmt.Fprintf(&b, " https://%s.example/witness", name)
		}
		b.WriteByte('\n')
	}
	return b.String() + strings.Join(lines, "\n") + "\n"
}

// TestPolicyAgreesWithTorchwood asks both of every set of witnesses.
func TestPolicyAgreesWithTorchwood(t *testing.T) {
	for _, lines := range [][]string{
		{"quorum none"},
		{"quorum y2"},
		{"group g any x1 x2 x3", "quorum g"},
		{"group g all x1 x2 x3", "quorum g"},
		{"# two of them", "group x 2 x1 x2 x3", "\tgroup y   any y1 y2 ", "", "group both all x y", "quorum both"},
		{"group x 2 x1 x2 x3", "group some any x y1", "quorum some"},
	} {
		agree(t, policyText(t, lines...))
	}
}

// agree holds that torchwood takes a policy that we take, and decides as we do.
func agree(t testing.TB, text string) {
	ours, err := formats.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := torchwood.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatalf("we take a policy, and torchwood says %v:\n%s", err, text)
	}
	if len(ours.Logs) > 0 { // torchwood wants them all to have signed
		return
	}
	for set := range 1 << min(len(ours.Witnesses), 6) {
		var sigs []note.Signature
		signed := map[*formats.Cosigner]bool{}
		for i, w := range ours.Witnesses {
			if set>>i&1 == 1 {
				signed[w.Key] = true
				sigs = append(sigs, note.Signature{Name: w.Key.Name(), Hash: w.Key.KeyHash()})
			}
		}
		err := theirs.Check("any", sigs)
		if ok := ours.Satisfied(func(c *formats.Cosigner) bool { return signed[c] }); ok != (err == nil) {
			t.Fatalf("with %v: satisfied is %v, torchwood says %v:\n%s", signed, ok, err, text)
		}
	}
}

func TestPolicyQuorumInWords(t *testing.T) {
	p, err := formats.ParsePolicy([]byte(policyText(t, "group x 2 x1 x2 x3", "group both all x y1", "quorum both")))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Quorum(); got != "2 of (2 of (x1, x2, x3), y1)" {
		t.Errorf("the quorum is %s", got)
	}
	if p.Witnesses[0].URL != "https://x1.example/witness" || p.Witnesses[1].URL != "" {
		t.Errorf("addresses: %+v", p.Witnesses)
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	_, log := fixedLog(t, origin)
	_, x1 := fixedWitness(t, "witness.example/x1")
	for name, text := range map[string]string{
		"empty":                      "",
		"no quorum":                  policyText(t, "group g any x1"),
		"two quorums":                policyText(t, "quorum x1", "quorum x1"),
		"quorum of nobody":           policyText(t, "quorum z"),
		"quorum before its name":     "quorum x1\n" + policyText(t),
		"group before its members":   "group g any x1\n" + policyText(t, "quorum g"),
		"member of two groups":       policyText(t, "group g any x1", "group h any x1", "quorum g"),
		"member twice":               policyText(t, "group g 2 x1 x1", "quorum g"),
		"none as a member":           policyText(t, "group g any none", "quorum g"),
		"none as a name":             policyText(t, "group none any x1", "quorum none"),
		"a name twice":               policyText(t, "group x1 any x2", "quorum x1"),
		"a key twice":                policyText(t, "witness again "+x1.Key(), "quorum x1"),
		"a log's key as a witness's": policyText(t, "witness log "+log.Key(), "quorum x1"),
		"a witness's key as a log's": policyText(t, "log "+x1.Key(), "quorum x1"),
		"a log twice":                policyText(t, "log "+log.Key(), "log "+log.Key(), "quorum x1"),
		"more than there are":        policyText(t, "group g 3 x1 x2", "quorum g"),
		"none of them":               policyText(t, "group g 0 x1 x2", "quorum g"),
		"a number with a sign":       policyText(t, "group g +1 x1 x2", "quorum g"),
		"a group of nobody":          policyText(t, "group g all", "quorum g"),
		"another word":               policyText(t, "require x1", "quorum x1"),
		"no end of the last line":    strings.TrimSuffix(policyText(t, "quorum x1"), "\n"),
		"carriage returns":           strings.ReplaceAll(policyText(t, "quorum x1"), "\n", "\r\n"),
		"words after the quorum":     policyText(t, "quorum x1 # really"),
		"too long":                   policyText(t, "# "+strings.Repeat("x", 64<<10), "quorum x1"),
	} {
		if _, err := formats.ParsePolicy([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestCosigned(t *testing.T) {
	signer, _ := fixedLog(t, origin)
	plain := someTree(t, 7).receipt(t, signer, 3).Checkpoint
	p, err := formats.ParsePolicy([]byte(policyText(t, "group x 2 x1 x2 x3", "quorum x")))
	if err != nil {
		t.Fatal(err)
	}
	signed := plain
	for i, name := range []string{"stranger", "y1", "x3", "x1"} {
		w, _ := fixedWitness(t, "witness.example/"+name)
		signed = cosign(t, signed, w)
		found, quorum, err := p.Cosigned(signed)
		if err != nil || len(found) != i || quorum != (i == 3) {
			t.Errorf("with %s too: %d cosignatures, quorum %v, %v", name, len(found), quorum, err)
		}
	}
}

// FuzzParsePolicy holds that torchwood takes what we take, and decides alike. It cuts
// lines at any #, and at white space that isn't ASCII; the specification doesn't.
func FuzzParsePolicy(f *testing.F) {
	_, log := fixedLog(f, origin)
	f.Add(policyText(f, "quorum none"))
	f.Add(policyText(f, "log "+log.Key()+" https://ledger.example", "group g 2 x1 x2 y1", "# so", "quorum g"))
	f.Add(policyText(f, "group x 2 x1 x2 x3", "group y any y1 y2", "group both all x y", "quorum both"))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := formats.ParsePolicy([]byte(text)); err != nil || len(text) > 8<<10 {
			return
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.Contains(strings.TrimLeft(line, " \t#"), "#") {
				return
			}
			for _, c := range []byte(line) {
				if c >= 0x80 {
					return
				}
			}
		}
		agree(t, text)
	})
}
