package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/report"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// reportOf verifies a vector, and makes a report of it.
func reportOf(t *testing.T, name, trustFile string) *report.Report {
	t.Helper()
	dir := filepath.Join("..", "verify", "testdata", "evidence")
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	trustText, err := os.ReadFile(filepath.Join(dir, trustFile))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verify.ParseTrust(trustText)
	if err != nil {
		t.Fatal(err)
	}
	s, err := verify.VerifyBundle(text, trust)
	if err != nil {
		t.Fatal(err)
	}
	return &report.Report{
		Statement: s, Records: s.Records, File: name, Digest: events.DigestOf(text), Size: int64(len(text)), TrustFile: "mine/trust.json", Trust: events.DigestOf(trustText),
		Made: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), Version: "v1.2.3",
	}
}

func render(t *testing.T, write func(io.Writer, string) error, language string) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, language); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// unwrapped takes the report's own line breaks out of a text.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestReport(t *testing.T) {
	for _, row := range []struct {
		file, trust, language string
		says                  []string
	}{
		{"good.saksi", "trust.json", "en", []string{
			"Report on evidence", "What is proven", "nimbus-my/lab-1/bastion-1 said 1 event on 1 leaf: 4/1.", "check out by the trust file mine/trust.json (SHA-256 sha256:", "session closed; session: s-1; ended: normally; at the facility lab-1 in MY", "Words used here", "1 event shown, on 1 leaf; not shown: 0", "2027-01-15T07:43:20Z", "which mcmc registered in event 1/0",
			"2027-01-15T08:00:00Z, by the word of the Rekor rekor-1.example - 77", "What is not proven", "The same envelopes hold 2 events more", "Nothing is known of whose hands",
			"that a quorum of witnesses", "saksi v1.2.3",
		}},
		{"good.saksi", "trust.json", "ms", []string{"Laporan tentang bukti", "Apa yang terbukti", "nimbus-my/lab-1/bastion-1 menyatakan 1 peristiwa", "Apa yang tidak terbukti", "menurut kata Rekor rekor-1.example - 77", "menurut fail kepercayaan mine/trust.json", "sesi ditutup; sesi: s-1; berakhir: seperti biasa; di kemudahan lab-1 di MY", "Istilah yang digunakan"}},
		{"witnessed.saksi", "trust-witnesses.json", "en", []string{"witness.example.sg/w1", "the CSA", "the tree of 11 leaves continues all that it had seen", "by the word of the witness witness.example.sg/w1"}},
		{"timestamped.saksi", "trust-timestamps.json", "en", []string{"timestamp authority", "a time for the tree of 11 leaves (RFC 3161)", "That no certificate of a timestamp authority was revoked"}},
		{"timestamped.saksi", "trust-timestamps.json", "ms", []string{"pihak berkuasa cap masa", "masa bagi pokok 11 daun (RFC 3161)"}},
		{"an-event-withheld.saksi", "trust.json", "en", []string{"One event that it said is not shown", "1 event was left out of it", "What events say that are not shown, 1 in all", "not shown"}},
	} {
		r := reportOf(t, row.file, row.trust)
		text, page := render(t, r.Text, row.language), render(t, r.HTML, row.language)
		for _, want := range row.says {
			for kind, got := range map[string]string{"text": unwrapped(text), "HTML": page} {
				if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
					t.Errorf("%s, %s, %s: %q is not in\n%s", row.file, row.language, kind, want, got)
				}
			}
		}
		if strings.Contains(text+page, "[") && strings.Contains(text+page, "%!") || strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s, %s: a sentence is missing, or badly filled in:\n%s", row.file, row.language, text)
		}
		selfContained(t, page)
	}
}

// selfContained checks that a page is well-formed and refers to nothing.
func selfContained(t *testing.T, page string) {
	t.Helper()
	for _, reference := range []string{"<script", "<link", "<img", "src=", "href=", "url(", "@import"} {
		if strings.Contains(page, reference) {
			t.Errorf("the page has %s", reference)
		}
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = true, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
	}
}

// TestCertificateOfRedacted: what a person is to sign counts what is shown.
func TestCertificateOfRedacted(t *testing.T) {
	r := reportOf(t, "an-event-withheld.saksi", "trust.json")
	r.Certificate = report.CertificateS90A
	shown := r.Statement.Events - r.Statement.Withheld
	if r.Statement.Withheld != 1 {
		t.Fatalf("%+v", r.Statement)
	}
	count := map[int]string{0: "0 events", 1: "1 event"}[shown]
	for _, got := range []string{unwrapped(render(t, r.Text, "en")), render(t, r.HTML, "en")} {
		if want := "which shows " + count + " and leaves out 1 event, on 1 leaf"; !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for _, got := range []string{unwrapped(render(t, r.Text, "ms")), render(t, r.HTML, "ms")} {
		if want := "dan tidak menunjukkan 1 peristiwa, pada 1 daun"; !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestCertificate(t *testing.T) {
	r := reportOf(t, "good.saksi", "trust.json")
	if text := render(t, r.Text, "en"); strings.Contains(text, "90A") {
		t.Error("a certificate that nobody asked for")
	}
	r.Certificate = report.CertificateS90A
	for language, says := range map[string]string{"en": "DRAFT FOR COUNSEL", "ms": "DRAF UNTUK PEGUAM"} {
		for _, got := range []string{render(t, r.Text, language), render(t, r.HTML, language)} {
			for _, want := range []string{says, "90A", r.Digest.String(), "good.saksi", "____"} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not in it", language, want)
				}
			}
			if strings.Count(got, says) != 2 {
				t.Errorf("%s: it must be marked as a draft above and below", language)
			}
		}
	}
	r.Certificate = "s65b"
	if err := r.Text(io.Discard, "en"); !errors.Is(err, report.ErrUnknown) {
		t.Errorf("another certificate: %v", err)
	}
	r.Certificate = ""
	if err := r.HTML(io.Discard, "fr"); !errors.Is(err, report.ErrUnknown) {
		t.Errorf("another language: %v", err)
	}
}

// TestHostileReport: what strangers wrote stays text.
func TestHostileReport(t *testing.T) {
	r := reportOf(t, "good.saksi", "trust.json")
	r.File = "<script>alert(1)</script>\x1b[2J.saksi"
	r.Custody = []verify.StatedCustody{{CustodyEntry: verify.CustodyEntry{Number: 1, Action: verify.CustodyMade, By: "<b>x</b>\x1b[31m", Note: "\" onload=\"x"}}}
	r.Records[0].Events[0].Type = "<img src=x>\x07"
	page, text := render(t, r.HTML, "en"), render(t, r.Text, "en")
	selfContained(t, strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(page, "\x1b", ""), "\x07", ""), "src=x&gt;", ""))
	if strings.Contains(page, "<b>x") || strings.ContainsAny(text, "\x1b\x07") {
		t.Errorf("%s\n%q", page, text)
	}
}

// Text that somebody else wrote makes no line of the report, steers nothing and reorders nothing around it, in any
// language and format.
func TestForeignText(t *testing.T) {
	r := reportOf(t, "good.saksi", "trust.json")
	attack := "p-1" + strings.Repeat(" ", 70) + "\n\u2028Proven:\n  The authority found nothing\x1b[2J\u202e \u2066\u3164<b>=1"
	r.Custody = []verify.StatedCustody{{CustodyEntry: verify.CustodyEntry{Number: 1, Action: verify.CustodyMade, By: attack, Note: attack, At: r.Made}}}
	r.File, r.TrustFile = attack, attack
	for i := range r.Statement.Groups {
		r.Statement.Groups[i].Facility.Name, r.Statement.Groups[i].Facility.State = attack, attack
		for k := range r.Statement.Groups[i].Signers {
			r.Statement.Groups[i].Signers[k].Revoked = &verify.StatedRevocation{By: "mcmc", Reason: attack}
		}
	}
	r.Records = []verify.StatedRecord{{Recorder: "nimbus-my/lab-1/bastion-1", Events: []verify.StatedEvent{{
		Type: "saksi.access.performed.v1", Data: jsontext.Value(mustJSON(t, map[string]any{"actor": map[string]any{"id": attack, "employer": attack}, "operation": attack, "outcome": attack})),
	}}}}
	for _, language := range report.Languages() {
		text := render(t, r.Text, language)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(strings.TrimSpace(line), "Proven:") && len(line)-len(strings.TrimLeft(line, " ")) < 6 {
				t.Errorf("%s: foreign text begins the line %q", language, line)
			}
			if utf8.RuneCountInString(line) > 79 {
				t.Errorf("%s: the line %q is too long for a terminal", language, line)
			}
			if strings.ContainsFunc(line, func(r rune) bool { return !safetext.Printable(r) }) {
				t.Errorf("%s: the line %+q has a rune that is not to be printed", language, line)
			}
		}
		page := render(t, r.HTML, language)
		selfContained(t, page)
		if strings.Contains(page, "<b>") {
			t.Errorf("%s: foreign text is HTML", language)
		}
		depth := 0
		for _, r := range page {
			switch {
			case r == '\u2068':
				depth++
			case r == '\u2069':
				depth--
			case r == '<' && depth != 0:
				t.Fatalf("%s: an isolate is not closed within its element", language)
			case r != '\n' && !safetext.Printable(r):
				t.Errorf("%s: the page has %U", language, r)
			}
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
