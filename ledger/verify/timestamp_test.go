package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// testAuthority makes tokens as a timestamp authority does, with keys that the test
// holds, so that it can sign what no honest one would. Tokens of a real one are in the
// tests of ledger/countersign/timestamp.
type testAuthority struct {
	trusted verify.TrustedAuthority
	root    *x509.Certificate
	rootKey *ecdsa.PrivateKey
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

var certFrom, certTo = time.Unix(1_500_000_000, 0), time.Unix(4_000_000_000, 0)

func newAuthority(t testing.TB, name string, change func(*x509.Certificate)) *testAuthority {
	t.Helper()
	a := &testAuthority{rootKey: fixedECDSA(t, name+" root"), key: fixedECDSA(t, name)}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name + " root"}, NotBefore: certFrom, NotAfter: certTo,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.root = makeCertificate(t, root, root, a.rootKey.Public(), a.rootKey)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: certFrom, NotAfter: certTo, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	if change != nil {
		change(leaf)
	}
	a.cert = makeCertificate(t, leaf, a.root, a.key.Public(), a.rootKey)
	a.trusted = verify.TrustedAuthority{Name: name, Certificates: certificatesPEM(a.root), Owner: "somebody else", Independent: true}
	return a
}

func makeCertificate(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func certificatesPEM(list ...*x509.Certificate) string {
	var b bytes.Buffer
	for _, c := range list {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.String()
}

// token signs a time for message; change, if there, changes what is said before.
func (a *testAuthority) token(t testing.TB, message []byte, seconds int64, change func(*timestamp.Timestamp)) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	said := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Time: time.Unix(seconds, 0), Accuracy: time.Second, Policy: asn1.ObjectIdentifier{1, 2, 3},
		AddTSACertificate: true,
	}
	if change != nil {
		change(&said)
	}
	response, err := said.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := verify.TokenInResponse(response)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestToken(t *testing.T) {
	message := []byte("a checkpoint\n")
	a := newAuthority(t, "tsa.example", nil)
	stamp, err := a.trusted.VerifyToken(a.token(t, message, 1_800_000_000, nil), message)
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Authority != "tsa.example" || stamp.Time.Unix() != 1_800_000_000 || stamp.NotAfter().Unix() != 1_800_000_001 || stamp.NotBefore().Unix() != 1_799_999_999 {
		t.Errorf("%+v", stamp)
	}
	pinned := a.trusted
	pinned.Certificates = certificatesPEM(a.cert)
	if _, err := pinned.VerifyToken(a.token(t, message, 1_800_000_000, nil), message); err != nil {
		t.Errorf("with the signing certificate alone in the trust file: %v", err)
	}

	other := newAuthority(t, "other.example", nil)
	usages := func(critical bool, more ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			value, err := asn1.Marshal(append([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}, more...))
			if err != nil {
				t.Fatal(err)
			}
			c.ExtraExtensions[0].Value, c.ExtraExtensions[0].Critical = value, critical
		}
	}
	for name, row := range map[string]struct {
		by     *testAuthority
		token  func(a *testAuthority) []byte
		trust  func(trusted *verify.TrustedAuthority)
		refuse string
	}{
		"other bytes":           {a, func(a *testAuthority) []byte { return a.token(t, []byte("other"), 1_800_000_000, nil) }, nil, "it is over other bytes"},
		"another authority":     {other, nil, func(trusted *verify.TrustedAuthority) { *trusted = a.trusted }, "its certificate: x509"},
		"a certificate expired": {a, func(a *testAuthority) []byte { return a.token(t, message, certTo.Unix()+1, nil) }, nil, "its certificate: x509: certificate has expired"},
		"without certificate": {a, func(a *testAuthority) []byte {
			return a.token(t, message, 1_800_000_000, func(s *timestamp.Timestamp) { s.AddTSACertificate = false })
		}, nil, "it doesn't hold the one certificate"},
		"SHA-512": {a, func(a *testAuthority) []byte {
			return a.token(t, message, 1_800_000_000, func(s *timestamp.Timestamp) { s.HashAlgorithm, s.HashedMessage = crypto.SHA512, make([]byte, 64) })
		}, nil, "its hash is by SHA-512"},
		"no better than a week": {a, func(a *testAuthority) []byte {
			return a.token(t, message, 1_800_000_000, func(s *timestamp.Timestamp) { s.Accuracy = 7 * 24 * time.Hour })
		}, nil, "it says that its time may be off by 168h0m0s"},
		"for more than timestamps":   {newAuthority(t, "tsa.example", usages(true, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1})), nil, nil, "not one for timestamps alone"},
		"a usage that isn't binding": {newAuthority(t, "tsa.example", usages(false)), nil, nil, "not one for timestamps alone"},
		"a CA":                       {newAuthority(t, "tsa.example", func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), nil, nil, "not one for timestamps alone"},
		"something after it":         {a, func(a *testAuthority) []byte { return append(a.token(t, message, 1_800_000_000, nil), 0, 0) }, nil, "there is something after it"},
		"nothing":                    {a, func(*testAuthority) []byte { return nil }, nil, "it is not DER"},
		"an indefinite length":       {a, func(*testAuthority) []byte { return []byte{0x30, 0x80, 0, 0} }, nil, "a length is not in its shortest form"},
		"nested without end":         {a, func(*testAuthority) []byte { return nested(100) }, nil, "it nests too deep"},
		"a certificate alone":        {a, func(a *testAuthority) []byte { return a.cert.Raw }, nil, "it is no timestamp token"},
	} {
		t.Run(name, func(t *testing.T) {
			token := row.token
			if token == nil {
				token = func(a *testAuthority) []byte { return a.token(t, message, 1_800_000_000, nil) }
			}
			trusted := row.by.trusted
			if row.trust != nil {
				row.trust(&trusted)
			}
			_, err := trusted.VerifyToken(token(row.by), message)
			expect(t, err, row.refuse)
		})
	}
}

// nested is n sequences, each in the one before.
func nested(n int) []byte {
	var b []byte
	for range n {
		if len(b) < 0x80 {
			b = append([]byte{0x30, byte(len(b))}, b...)
		} else if len(b) < 0x100 {
			b = append([]byte{0x30, 0x81, byte(len(b))}, b...)
		} else {
			b = append([]byte{0x30, 0x82, byte(len(b) >> 8), byte(len(b))}, b...)
		}
	}
	return b
}

// TestEveryByteOfAToken: a token that was changed is refused, or says the same: what a
// signature doesn't cover says nothing.
func TestEveryByteOfAToken(t *testing.T) {
	message := []byte("a checkpoint\n")
	a := newAuthority(t, "tsa.example", nil)
	token := a.token(t, message, 1_800_000_000, nil)
	want, err := a.trusted.VerifyToken(token, message)
	if err != nil {
		t.Fatal(err)
	}
	for i := range token {
		for bit := range 8 {
			token[i] ^= 1 << bit
			got, err := a.trusted.VerifyToken(token, message)
			if err == nil && (!got.Time.Equal(want.Time) || got.Accuracy != want.Accuracy || got.Serial.Cmp(want.Serial) != 0 || got.Authority != want.Authority) {
				t.Errorf("byte %d, bit %d changed: it says %+v", i, bit, got)
			}
			token[i] ^= 1 << bit
		}
	}
}

// stamp puts a timestamp over the checkpoint of a size into a bundle, and returns it.
func (l *land) stamp(b *verify.Bundle, a *testAuthority, size int, seconds int64) verify.BundledTimestamp {
	l.t.Helper()
	text := l.checkpoint(size)
	stamped := verify.BundledTimestamp{Checkpoint: text, Token: a.token(l.t, text, seconds, nil)}
	l.addStamp(b, stamped, size)
	return stamped
}

func (l *land) addStamp(b *verify.Bundle, stamped verify.BundledTimestamp, size int) {
	l.t.Helper()
	if size < len(l.leaves) {
		var err error
		if stamped.Consistency, err = tlog.ProveTree(int64(len(l.leaves)), int64(size), l); err != nil {
			l.t.Fatal(err)
		}
	}
	b.Timestamps = append(b.Timestamps, stamped)
	b.Sort()
}

// stampedLand has a timestamp of nine leaves, recorded as leaf 9, and leaf 10 of an
// operator after it.
func stampedLand(t testing.TB) (*land, *testAuthority, verify.BundledTimestamp) {
	l := newLand(t)
	a := newAuthority(t, "tsa.example", nil)
	l.trust.Timestamps = []verify.TrustedAuthority{a.trusted}
	text := l.checkpoint(9)
	recorded := verify.BundledTimestamp{Checkpoint: text, Token: a.token(t, text, 1_800_000_700, nil)}
	checkpoint, err := l.log.OpenCheckpoint(text)
	if err != nil {
		t.Fatal(err)
	}
	l.say(events.LedgerRecorder, []*events.Signer{fixedSigner(t, "ledger")}, said{events.TypeTimestampRecorded, events.TimestampRecorded{
		Authority: "tsa.example", Serial: "5f", Size: 9, Root: checkpoint.Root.String(),
		Checkpoint: events.DigestOf(text).String(), Token: events.DigestOf(recorded.Token).String(),
	}})
	bastion, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	l.say(bastion, []*events.Signer{fixedSigner(t, "nimbus-my")}, said{events.TypeSessionClosed, map[string]any{"session": "s-9", "ended": "normal"}})
	return l, a, recorded
}

func (l *land) stampedBundle(a *testAuthority, recorded verify.BundledTimestamp) *verify.Bundle {
	b := l.bundle([]events.Ref{{Leaf: 10}}, events.Ref{Leaf: 1}, events.Ref{Leaf: 1, Event: 1}, events.Ref{Leaf: 1, Event: 2}, events.Ref{Leaf: 9})
	b.Anchors = nil
	l.addStamp(b, recorded, 9)
	l.stamp(b, a, 11, 1_800_000_800)
	return b
}

func TestStampedEvidence(t *testing.T) {
	l, a, recorded := stampedLand(t)
	trust, err := verify.ParseTrust(l.trustFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := verify.VerifyBundle(l.marshal(l.stampedBundle(a, recorded)), trust)
	if err != nil {
		t.Fatal(err)
	}
	in := s.Records[0].Interval
	if in.Contradicts || in.NotBefore.Kind != verify.ByAuthority || in.NotBefore.Time.Unix() != 1_800_000_699 || in.NotBefore.Recorded.Leaf != 9 ||
		in.NotAfter.Time.Unix() != 1_800_000_801 || !in.NotAfter.Independent || in.NotAfter.Size != 11 {
		t.Errorf("%+v", in)
	}
	has(t, sayings(s, verify.Proven),
		"Leaf 10 is later than the timestamp of the authority tsa.example on the checkpoint of 9 leaves, which the ledger recorded in event 9/0.",
		"Leaf 10 is earlier than the timestamp of the authority tsa.example on the checkpoint of 11 leaves, which covers it.",
		"The timestamp authority tsa.example, run by somebody else, which the trust file calls independent, signed the token ")
	has(t, sayings(s, verify.Said),
		"So it was received at 2027-01-15T08:11:39Z at the earliest, by the word of the timestamp authority tsa.example.",
		"So it was received at 2027-01-15T08:13:21Z at the latest, by the word of the timestamp authority tsa.example.",
		"It did so at 2027-01-15T08:13:20Z, give or take 1 s, by the word of the timestamp authority tsa.example.")
	has(t, sayings(s, verify.NotProven), "That no certificate of a timestamp authority was revoked: nobody was asked.")
	if text, err := json.Marshal(s); err != nil || !bytes.Contains(text, []byte(`"kind":"timestamp","by":"tsa.example","owner":"somebody else","independent":true,"time":"2027-01-15T08:13:21Z"`)) {
		t.Errorf("%s, %v", text, err)
	}

	l.trust.Timestamps = nil
	if s, err = verify.VerifyBundle(l.marshal(l.stampedBundle(a, recorded)), l.trust); err != nil {
		t.Fatal(err)
	}
	has(t, sayings(s, verify.NotProven), "That the timestamp over the checkpoint of 9 leaves is anybody's: it leads to no authority that the trust file names.")
	if len(s.Records[0].NotBefore)+len(s.Records[0].NotAfter) > 0 || s.Timestamps[0].Believed {
		t.Errorf("an authority that is not trusted bounds %+v", s.Records[0])
	}
}

func TestDamagedTimestamps(t *testing.T) {
	l, a, recorded := stampedLand(t)
	for name, row := range map[string]struct {
		says   string
		change func(b *verify.Bundle)
	}{
		"over another checkpoint": {"timestamp 2: it is over other bytes", func(b *verify.Bundle) { b.Timestamps[1].Token = b.Timestamps[0].Token }},
		"no token":                {"timestamp 1: it is not DER", func(b *verify.Bundle) { b.Timestamps[0].Token = []byte("x") }},
		"without its record":      {"event 9/0 is there", func(b *verify.Bundle) { b.Timestamps = b.Timestamps[1:] }},
		"bounding nothing":        {"the timestamp over the checkpoint of 8 leaves bounds no leaf", func(b *verify.Bundle) { l.stamp(b, a, 8, 1_800_000_650) }},
		"of another tree": {"timestamp 2: the ledger has signed two checkpoints of 11 leaves", func(b *verify.Bundle) {
			text := sign(t, l.signer, origin+"\n11\nLG1Dah2clhwtxv8MYfqjnrZY7U9he/0rLLRke7PEmBU=\n")
			b.Timestamps[1] = verify.BundledTimestamp{Checkpoint: text, Token: a.token(t, text, 1_800_000_800, nil)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := l.stampedBundle(a, recorded)
			row.change(b)
			_, err := verify.VerifyBundle(l.marshal(b), l.trust)
			expect(t, err, row.says)
		})
	}
}

func TestTrustedAuthorities(t *testing.T) {
	for says, change := range map[string]func(l *land){
		`timestamp authority "tsa.example": its certificates are not in PEM`: func(l *land) { l.trust.Timestamps[0].Certificates = "x" },
		`timestamp authority "tsa.example": it has no certificate`:           func(l *land) { l.trust.Timestamps[0].Certificates = "" },
		`timestamp authority "": it has no name`:                             func(l *land) { l.trust.Timestamps[0].Name = "" },
		"it names the timestamp authority tsa.example twice":                 func(l *land) { l.trust.Timestamps = append(l.trust.Timestamps, l.trust.Timestamps[0]) },
	} {
		l, _, _ := stampedLand(t)
		change(l)
		_, err := verify.ParseTrust(l.trustFile())
		expect(t, err, says)
	}
}

// FuzzToken: what is no token of the authority's is refused, whatever it is.
func FuzzToken(f *testing.F) {
	message := []byte("a checkpoint\n")
	a := newAuthority(f, "tsa.example", nil)
	token := a.token(f, message, 1_800_000_000, nil)
	f.Add(token)
	f.Add(a.cert.Raw)
	f.Add(nested(40))
	f.Fuzz(func(t *testing.T, b []byte) {
		stamp, err := a.trusted.VerifyToken(b, message)
		if err == nil && (stamp.Time.Unix() != 1_800_000_000 || stamp.Authority != "tsa.example") {
			t.Errorf("%x says %+v", b, stamp)
		}
		verify.TokenInResponse(b)
	})
}
