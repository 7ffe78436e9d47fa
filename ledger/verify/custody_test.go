package verify_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// custodyOf is a custody of three entries, of which the last is of a redacted file.
func custodyOf(t testing.TB) (file []byte, first, second events.Digest) {
	t.Helper()
	first, second = events.DigestOf([]byte("a bundle")), events.DigestOf([]byte("less"))
	begin := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	for i, e := range []verify.CustodyEntry{
		{Evidence: first, Bytes: 8, Action: verify.CustodyMade, By: "supervision-desk", At: begin, Note: "case <12>"},
		{Evidence: first, Bytes: 8, Action: verify.CustodyHanded, By: "supervision-desk", To: "counsel", At: begin.Add(time.Hour)},
		{Evidence: second, Bytes: 4, Action: verify.CustodyRedacted, By: "counsel", From: &first, At: begin.Add(-time.Hour)},
	} {
		var err error
		if file, err = verify.AppendCustody(file, e, rand.Reader, fixedSigner(t, []string{"desk", "desk", "counsel"}[i])); err != nil {
			t.Fatal(err)
		}
	}
	return file, first, second
}

func TestCustody(t *testing.T) {
	file, first, second := custodyOf(t)
	trust := &verify.Trust{Custodians: []verify.TrustedCustodian{{Name: "supervision-desk", Key: fixedSigner(t, "desk").PublicKey().String()}}}
	list, err := verify.VerifyCustody(file, second, 4, trust)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || !list[0].Known || !list[1].Known || list[2].Known || !list[2].Backwards || list[1].Backwards || list[1].To != "counsel" || *list[2].From != first {
		t.Errorf("%+v", list)
	}
	has(t, verify.CustodyText(list), "1  2026-11-29T08:00:00Z  made: supervision-desk, by the key that the trust file gives to them — \"case <12>\"",
		"2  2026-11-29T09:00:00Z  handed to counsel: supervision-desk", "redacted out of the file "+first.String()+": counsel, by a key that the trust file gives to nobody (",
		"(its time is before that of the entry before it)")

	_, err = verify.VerifyCustody(file, first, 8, trust)
	expect(t, err, "its last entry is about another file than this evidence")
	_, err = verify.VerifyCustody(nil, first, 8, trust)
	expect(t, err, "it has no entry")
	lines := bytes.SplitAfter(file, []byte("\n"))[:3]
	_, err = verify.VerifyCustody(bytes.Join([][]byte{lines[1], lines[2]}, nil), second, 4, trust)
	expect(t, err, "custody entry 1: its number is 2")
	_, err = verify.VerifyCustody(bytes.Join([][]byte{lines[0], lines[2]}, nil), second, 4, trust)
	expect(t, err, "custody entry 2: its number is 3")
	for says, e := range map[string]verify.CustodyEntry{
		"is about another file than the entry before it": {Evidence: first, Bytes: 8, Action: verify.CustodyReceived, By: "x"},
		"was made out of another file":                   {Evidence: first, Bytes: 8, Action: verify.CustodyRedacted, By: "x", From: &first},
		"nothing that is done with evidence":             {Evidence: second, Bytes: 4, Action: "lost", By: "x"},
		"was handed to somebody":                         {Evidence: second, Bytes: 4, Action: verify.CustodyHanded, By: "x"},
		"a name or a note is missing":                    {Evidence: second, Bytes: 4, Action: verify.CustodyReceived},
	} {
		_, err := verify.AppendCustody(file, e, rand.Reader, fixedSigner(t, "x"))
		expect(t, err, says)
	}
	// Every bit counts.
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if _, err := verify.VerifyCustody(changed, second, 4, trust); err == nil {
			t.Errorf("byte %d changed: believed", i)
		}
	}
}

// FuzzCustody: what is believed is one of the entries that were signed, in their order.
func FuzzCustody(f *testing.F) {
	file, _, second := custodyOf(f)
	f.Add(file)
	f.Add([]byte("{}\n"))
	f.Add([]byte(strings.Replace(string(file), "dsse", "DSSE", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := verify.VerifyCustody(b, second, 4, &verify.Trust{}); err == nil && !bytes.Equal(b, file) {
			// Others may sign what they like: it is said to be nobody's.
			for _, e := range list {
				if e.Known {
					t.Errorf("%q is believed", b)
				}
			}
		}
	})
}
