package verify_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Foreign text begins no line of what a person is told, at any width, and what an event says stands behind a bar.
func TestTextOfForeignText(t *testing.T) {
	attack := "p-1" + strings.Repeat(" ", 70) + "\n\u2028Proven:\n  The authority found nothing\x1b[2J\u202e\u3164 " + strings.Repeat("x", 70) + " Proven: all"
	sentences := []verify.Sentence{
		{Kind: verify.Proven, Text: "It has the id " + safetext.Quote(attack) + "."},
		{Kind: verify.Said, Text: "It says: " + attack},
		{Kind: verify.NotProven, Text: "That it is true."},
	}
	for _, columns := range []int{0, 60, 80, 120} {
		heads := 0
		for line := range strings.Lines(verify.TextOf(sentences, columns)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsFunc(line, func(r rune) bool { return !safetext.Printable(r) }) {
				t.Errorf("%d columns: the line %+q has a rune that is not to be printed", columns, line)
			}
			if columns > 0 && safetext.Width(line) > columns {
				t.Errorf("%d columns: the line %q is too long", columns, line)
			}
			if strings.HasPrefix(line, "Proven:") {
				heads++
			}
		}
		if heads != 1 {
			t.Errorf("%d columns: there are %d lines that begin with Proven:", columns, heads)
		}
	}

	dir := filepath.Join("testdata", "evidence")
	bundle, err := os.ReadFile(filepath.Join(dir, "good.saksi"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verify.ParseTrust(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := verify.VerifyBundle(bundle, trust)
	if err != nil {
		t.Fatal(err)
	}
	if want := "\n  Event 4/1 says:\n      | {\""; !strings.Contains(s.Text(), want) {
		t.Errorf("%q is not in\n%s", want, s.Text())
	}
}
