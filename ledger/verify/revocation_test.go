package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

const stampedAt = 1_800_000_000

// revokedAs is an entry of a revocation list; reason 0 is none given.
func revokedAs(serial, at int64, reason int) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: time.Unix(at, 0), ReasonCode: reason}
}

// unstated is a list whose reasons are given as unspecified, which crypto/x509 doesn't write.
func unstated(t testing.TB, list []byte, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	var outer struct {
		TBS asn1.RawValue
		Alg pkix.AlgorithmIdentifier
		Sig asn1.BitString
	}
	if _, err := asn1.Unmarshal(list, &outer); err != nil {
		t.Fatal(err)
	}
	said := append([]byte{6, 3, 85, 29, 21, 4, 3, 10, 1}, 4)
	if bytes.Count(outer.TBS.FullBytes, said) != 1 {
		t.Fatalf("%x has not one reason 4", list)
	}
	outer.TBS.FullBytes = bytes.Replace(outer.TBS.FullBytes, said, append([]byte{6, 3, 85, 29, 21, 4, 3, 10, 1}, 0), 1)
	digest := sha256.Sum256(outer.TBS.FullBytes)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	outer.Sig = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	if list, err = asn1.Marshal(outer); err != nil {
		t.Fatal(err)
	}
	return list
}

func makeList(t testing.TB, issuer *x509.Certificate, key *ecdsa.PrivateKey, from, to int64, extra []pkix.Extension, entries ...x509.RevocationListEntry) []byte {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(from), ThisUpdate: time.Unix(from, 0), NextUpdate: time.Unix(to, 0), RevokedCertificateEntries: entries, ExtraExtensions: extra,
	}, issuer, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func listsPEM(lists ...[]byte) string {
	var b bytes.Buffer
	for _, der := range lists {
		pem.Encode(&b, &pem.Block{Type: "X509 CRL", Bytes: der})
	}
	return b.String()
}

// TestRevoked has the certificate of an authority revoked, at times and for reasons around
// a token.
func TestRevoked(t *testing.T) {
	message := []byte("a checkpoint\n")
	a := newAuthority(t, "tsa.example", nil)
	token := a.token(t, message, stampedAt, nil) // give or take a second
	const before, after = stampedAt - 86400, stampedAt + 86400
	for name, row := range map[string]struct {
		entry x509.RevocationListEntry
		says  string // of the error; empty where the token holds
	}{
		"before":            {revokedAs(2, before, 4), "its certificate tsa.example was revoked at 2027-01-14T08:00:00Z (superseded), by the list of \"tsa.example root\" of 2027-01-26T21:46:40Z, and the token is not from before that"},
		"at its time":       {revokedAs(2, stampedAt, 5), "(cessation of operation)"},
		"within a second":   {revokedAs(2, stampedAt+1, 3), "(affiliation changed)"},
		"after":             {revokedAs(2, after, 4), ""},
		"after, ceased":     {revokedAs(2, after, 5), ""},
		"after, unstated":   {revokedAs(2, after, 4), ""}, // made so below
		"after, without":    {revokedAs(2, after, 0), "(no reason given), by the list of \"tsa.example root\" of 2027-01-26T21:46:40Z, so that none of its tokens counts, whatever their time"},
		"after, stolen":     {revokedAs(2, after, 1), "was revoked at 2027-01-16T08:00:00Z (key compromise)"},
		"after, CA stolen":  {revokedAs(2, after, 2), "(CA compromise)"},
		"after, on hold":    {revokedAs(2, after, 6), "(certificate hold)"},
		"after, unheard of": {revokedAs(2, after, 77), "(reason 77)"},
		"another":           {revokedAs(3, before, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			by := a.trusted
			list := makeList(t, a.root, a.rootKey, stampedAt+1_000_000, stampedAt+2_000_000, nil, revokedAs(77, before, 1), row.entry)
			if name == "after, unstated" {
				list = unstated(t, list, a.rootKey)
			}
			for form, text := range map[string]string{"PEM": listsPEM(list), "DER": base64.StdEncoding.EncodeToString(list), "the second": listsPEM(makeList(t, a.root, a.rootKey, before, stampedAt+1, nil), list)} {
				by.CRLs = text
				if err := by.Check(); err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				stamp, err := by.VerifyToken(token, message)
				var revoked *verify.Revoked
				switch {
				case row.says != "" && (!errors.As(err, &revoked) || !strings.Contains(err.Error(), row.says)):
					t.Errorf("%s: %+v, %v: want one that says %s", form, stamp, err, row.says)
				case row.says == "" && err != nil:
					t.Errorf("%s: %v", form, err)
				case row.says == "":
					lists := stamp.Revocation.Lists
					if last := lists[len(lists)-1]; last.Certificate != "tsa.example" || last.Issuer != "tsa.example root" || last.ThisUpdate.Unix() != stampedAt+1_000_000 || len(stamp.Revocation.Unlisted) > 0 {
						t.Errorf("%s: %+v", form, stamp.Revocation)
					}
				}
			}
		})
	}
}

// TestListsOfNobody: a list says something of a certificate only if its issuer signed it.
func TestListsOfNobody(t *testing.T) {
	message := []byte("a checkpoint\n")
	a := newAuthority(t, "tsa.example", nil)
	token := a.token(t, message, stampedAt, nil)
	stranger := newAuthority(t, "other.example", nil)
	// Of the same name as the issuer, with another key.
	twin := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: a.root.Subject, NotBefore: certFrom, NotAfter: certTo,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	twin = makeCertificate(t, twin, twin, stranger.rootKey.Public(), stranger.rootKey)
	revoked := revokedAs(2, stampedAt-86400, 1)
	forged := listsPEM(makeList(t, twin, stranger.rootKey, stampedAt, stampedAt+1000, nil, revoked))
	others := listsPEM(makeList(t, stranger.root, stranger.rootKey, stampedAt, stampedAt+1000, nil, revoked))
	expired := listsPEM(makeList(t, a.root, a.rootKey, certTo.Unix()+1, certTo.Unix()+1000, nil))
	for name, text := range map[string]string{"forged": forged, "another's": others, "from after its end": expired} {
		by := a.trusted
		by.CRLs = text
		stamp, err := by.VerifyToken(token, message)
		if err != nil || len(stamp.Revocation.Lists) != 0 || !slices.Equal(stamp.Revocation.Unlisted, []string{"tsa.example"}) {
			t.Errorf("%s: %+v, %v", name, stamp, err)
		}
	}

	// What a trust file can't hold.
	for says, text := range map[string]string{
		`its revocation list 1 is not signed by "tsa.example root"`: forged,
		"its revocation lists are neither PEM":                      "nonsense!",
		"its revocation lists are not in PEM":                       a.trusted.Certificates,
		"its revocation list 1: ":                                   base64.StdEncoding.EncodeToString([]byte("nonsense")),
		"has the critical extension 2.5.29.28": listsPEM(makeList(t, a.root, a.rootKey, stampedAt, stampedAt+1000,
			[]pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0x03, 0x84, 0x01, 0xff}}})), // other issuers' certificates
		"the critical extension 2.5.29.27": listsPEM(makeList(t, a.root, a.rootKey, stampedAt, stampedAt+1000,
			[]pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}})), // changes alone
		"entry 1 has the critical extension": listsPEM(makeList(t, a.root, a.rootKey, stampedAt, stampedAt+1000, nil, x509.RevocationListEntry{
			SerialNumber: big.NewInt(2), RevocationTime: time.Unix(stampedAt, 0), ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}},
		})),
		"there are more than 16": strings.Repeat(listsPEM(makeList(t, a.root, a.rootKey, stampedAt, stampedAt+1000, nil)), 17),
		"the most is 4194304":    strings.Repeat(" ", 4<<20+1),
	} {
		by := a.trusted
		by.CRLs = text
		if err := by.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want one that says %s", err, says)
		}
		if _, err := by.VerifyToken(token, message); err == nil && text != forged {
			t.Errorf("a token holds by a trust file of which Check says that %s", says)
		}
	}
}

// TestRevokedBetween revokes the certificate between root and signer, and looks for lists
// where the trust file believes the signer itself.
func TestRevokedBetween(t *testing.T) {
	message := []byte("a checkpoint\n")
	a := newAuthority(t, "tsa.example", nil)
	middleKey := fixedECDSA(t, "middle")
	middle := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "middle"}, NotBefore: certFrom, NotAfter: certTo,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	middle = makeCertificate(t, middle, a.root, middleKey.Public(), a.rootKey)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	a.cert = makeCertificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(8), Subject: pkix.Name{CommonName: "signer"}, NotBefore: certFrom, NotAfter: certTo, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, middle, a.key.Public(), middleKey)
	token := a.token(t, message, stampedAt, func(s *timestamp.Timestamp) { s.Certificates = []*x509.Certificate{middle} })
	ofRoot := func(entries ...x509.RevocationListEntry) []byte {
		return makeList(t, a.root, a.rootKey, stampedAt+1000, stampedAt+2000, nil, entries...)
	}
	ofMiddle := func(entries ...x509.RevocationListEntry) []byte {
		return makeList(t, middle, middleKey, stampedAt+1000, stampedAt+2000, nil, entries...)
	}
	self := verify.TrustedAuthority{Name: "tsa.example", Certificates: certificatesPEM(a.cert)} // and the middle one comes with the token
	for name, row := range map[string]struct {
		by       verify.TrustedAuthority
		lists    string
		says     string
		listed   int
		unlisted []string
	}{
		"both good":                       {a.trusted, listsPEM(ofRoot(), ofMiddle()), "", 2, nil},
		"of the root alone":               {a.trusted, listsPEM(ofRoot()), "", 1, []string{"signer"}},
		"of the middle alone":             {a.trusted, listsPEM(ofMiddle()), "", 1, []string{"middle"}},
		"the signer revoked":              {a.trusted, listsPEM(ofRoot(), ofMiddle(revokedAs(8, stampedAt-1, 4))), "its certificate signer was revoked", 0, nil},
		"the middle revoked":              {a.trusted, listsPEM(ofRoot(revokedAs(7, stampedAt-1, 4)), ofMiddle()), "its certificate middle was revoked", 0, nil},
		"the middle stolen later":         {a.trusted, listsPEM(ofRoot(revokedAs(7, stampedAt+500, 2)), ofMiddle()), "(CA compromise)", 0, nil},
		"the middle replaced later":       {a.trusted, listsPEM(ofRoot(revokedAs(7, stampedAt+500, 4)), ofMiddle()), "", 2, nil},
		"a serial of another issuer":      {a.trusted, listsPEM(ofRoot(revokedAs(8, stampedAt-1, 1)), ofMiddle(revokedAs(7, stampedAt-1, 1))), "", 2, nil},
		"the signer believed itself":      {self, listsPEM(ofMiddle()), "", 1, nil},
		"the signer believed and revoked": {self, listsPEM(ofMiddle(revokedAs(8, stampedAt-1, 4))), "its certificate signer was revoked", 0, nil},
	} {
		row.by.CRLs = row.lists
		if err := row.by.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		stamp, err := row.by.VerifyToken(token, message)
		switch {
		case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%s: %+v, %v", name, stamp, err)
		case row.says == "" && (err != nil || len(stamp.Revocation.Lists) != row.listed || !slices.Equal(stamp.Revocation.Unlisted, row.unlisted)):
			t.Errorf("%s: %+v, %v", name, stamp, err)
		}
	}
}

// TestRevokedEvidence says in evidence what lists say of its timestamps.
func TestRevokedEvidence(t *testing.T) {
	l, a, recorded := stampedLand(t) // tokens of 1800000700 and 1800000800
	verified := func(now int64, lists ...[]byte) *verify.Statement {
		t.Helper()
		l.trust.Timestamps[0].CRLs = listsPEM(lists...)
		trust, err := verify.ParseTrust(l.trustFile())
		if err != nil {
			t.Fatal(err)
		}
		b := l.marshal(l.stampedBundle(a, recorded))
		s, err := verify.Verify(bytes.NewReader(b), int64(len(b)), trust, verify.Options{Now: time.Unix(now, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const asked = "nobody was asked."
	without := func(s *verify.Statement, text string) {
		t.Helper()
		if strings.Contains(s.Text(), text) {
			t.Errorf("it says %q:\n%s", text, s.Text())
		}
	}
	// A list of before one token and after the other, in force.
	s := verified(1_800_001_000, makeList(t, a.root, a.rootKey, 1_800_000_750, 1_800_002_000, nil))
	has(t, sayings(s, verify.Said), `Its certificate tsa.example is not among those that were revoked by then, by the list of "tsa.example root" of 2027-01-15T08:12:30Z.`)
	has(t, sayings(s, verify.NotProven), "That no certificate of a timestamp authority was revoked since those lists: nobody was asked.")
	without(s, "stale")
	if !s.Timestamps[0].Believed || s.Timestamps[0].Revocation == nil || s.Timestamps[0].Revoked != "" {
		t.Errorf("%+v", s.Timestamps[0])
	}
	// One that is stale by now; by the second token's time alone; and by both.
	stale := `That the certificate tsa.example was not revoked after 2027-01-15T08:12:30Z: the list of "tsa.example root" is stale, and was to be replaced by `
	s = verified(1_800_003_000, makeList(t, a.root, a.rootKey, 1_800_000_750, 1_800_002_000, nil))
	has(t, sayings(s, verify.NotProven), stale+"2027-01-15T08:33:20Z.")
	s = verified(0, makeList(t, a.root, a.rootKey, 1_800_000_750, 1_800_000_760, nil))
	has(t, sayings(s, verify.NotProven), stale+"2027-01-15T08:12:40Z.")
	if s.Timestamps[0].Revocation.Lists[0].Stale || !s.Timestamps[1].Revocation.Lists[0].Stale {
		t.Errorf("%+v, %+v", s.Timestamps[0].Revocation, s.Timestamps[1].Revocation)
	}
	// Revoked between the two tokens: the first counts, and the second doesn't.
	s = verified(1_800_001_000, makeList(t, a.root, a.rootKey, 1_800_000_900, 1_800_002_000, nil, revokedAs(2, 1_800_000_750, 4)))
	if !s.Timestamps[0].Believed || s.Timestamps[1].Believed || len(s.Records[0].NotBefore) != 1 || len(s.Records[0].NotAfter) != 0 {
		t.Errorf("%+v, %+v", s.Timestamps, s.Records[0])
	}
	has(t, sayings(s, verify.NotProven), `That the timestamp over the checkpoint of 11 leaves says when that was there: its certificate tsa.example was revoked at 2027-01-15T08:12:30Z (superseded), by the list of "tsa.example root" of 2027-01-15T08:15:00Z, and the token is not from before that.`)
	// Stolen: none counts, and nothing is said of the time.
	s = verified(1_800_001_000, makeList(t, a.root, a.rootKey, 1_800_000_900, 1_800_002_000, nil, revokedAs(2, 1_800_000_850, 1)))
	if s.Timestamps[0].Believed || s.Timestamps[1].Believed || len(s.Records[0].NotBefore)+len(s.Records[0].NotAfter) != 0 {
		t.Errorf("%+v, %+v", s.Timestamps, s.Records[0])
	}
	without(s, asked)
	without(s, "leads to no authority")
	// A list that says nothing of it, and none.
	stranger := newAuthority(t, "other.example", nil)
	s = verified(1_800_001_000, makeList(t, stranger.root, stranger.rootKey, 1_800_000_900, 1_800_002_000, nil))
	has(t, sayings(s, verify.NotProven), "That the certificate tsa.example of the timestamp authority tsa.example was not revoked: no list of the trust file says anything of it.")
	s = verified(1_800_001_000)
	has(t, sayings(s, verify.NotProven), "That no certificate of a timestamp authority was revoked: nobody was asked.")
}

// FuzzRevocations: whatever stands in the place of a list, a token is refused only by one
// that its issuer signed, or as the trust file can't hold it.
func FuzzRevocations(f *testing.F) {
	message := []byte("a checkpoint\n")
	a := newAuthority(f, "tsa.example", nil)
	token := a.token(f, message, stampedAt, nil)
	signed := func(list []byte) bool {
		var outer struct {
			TBS asn1.RawValue
			Alg asn1.RawValue
			Sig asn1.BitString
		}
		if _, err := asn1.Unmarshal(list, &outer); err != nil {
			return false
		}
		digest := sha256.Sum256(outer.TBS.FullBytes)
		return ecdsa.VerifyASN1(&a.rootKey.PublicKey, digest[:], outer.Sig.Bytes)
	}
	for _, entry := range []x509.RevocationListEntry{revokedAs(2, stampedAt-86400, 4), revokedAs(2, stampedAt+86400, 1), revokedAs(2, stampedAt+86400, 4), revokedAs(3, stampedAt-86400, 1)} {
		f.Add(makeList(f, a.root, a.rootKey, stampedAt, stampedAt+1000, nil, entry))
	}
	f.Add([]byte("nonsense"))
	f.Fuzz(func(t *testing.T, list []byte) {
		by := a.trusted
		by.CRLs = listsPEM(list)
		stamp, err := by.VerifyToken(token, message)
		var revoked *verify.Revoked
		switch {
		case errors.As(err, &revoked) && !signed(list):
			t.Errorf("%x revokes: %v", list, err)
		case err == nil && len(stamp.Revocation.Lists) > 0 && !signed(list):
			t.Errorf("%x says that nothing was revoked", list)
		case err == nil && by.Check() == nil && stamp.Time.Unix() != stampedAt:
			t.Errorf("%x makes it %v", list, stamp.Time)
		}
	})
}
