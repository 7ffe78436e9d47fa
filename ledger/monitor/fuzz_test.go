package monitor_test

import (
	"bytes"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/monitor"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// FuzzNotesIn holds that what is found in somebody else's file stands there, in order,
// and is nothing but signed notes.
func FuzzNotesIn(f *testing.F) {
	const note = "ledger.example.my\n3\nAAAA\n\n— ledger.example.my AAAA\n"
	f.Add([]byte(note))
	f.Add([]byte("# 2026-11-29T04:00:00Z \"here\"\n" + note + "\n# again\n" + note + "\n"))
	f.Add([]byte("saksi fork v1\n\n" + note + "\n" + note))
	f.Add([]byte("old 3\n\n" + note))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n" + note))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest := b
		for _, n := range monitor.NotesIn(b) {
			at := bytes.Index(rest, n)
			if at < 0 {
				t.Fatalf("%q does not stand in %q", n, b)
			}
			rest = rest[at+len(n):]
			if again, left, ok := verify.CutNote(n); !ok || len(left) > 0 || !bytes.Equal(again, n) {
				t.Errorf("%q is not a note", n)
			}
		}
	})
}
