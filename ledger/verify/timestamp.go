package verify

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"github.com/saksi-ledger/saksi/events/safetext"
)

const (
	// MaxToken is the most bytes of a timestamp token.
	MaxToken = 64 << 10
	// maxAccuracy bounds how far from its time a token may say that it can be.
	maxAccuracy = 24 * time.Hour
	// maxDepth bounds how deep a token nests.
	maxDepth = 32
)

// TrustedAuthority is a timestamp authority (RFC 3161).
type TrustedAuthority struct {
	// Name is for people, and one in a trust file.
	Name string `json:"name"`
	// Certificates are those that its tokens must lead to, in PEM: roots, or the one that
	// signs. Those between them may be here too, or in the tokens.
	Certificates string `json:"certificates"`
	// CRLs are revocation lists (RFC 5280) of those who issued its certificates: PEM, or the
	// base64 of one in DER. What they say counts; without, whether a certificate was revoked
	// is not known.
	CRLs string `json:"crls,omitempty"`
	// Owner says who runs it.
	Owner string `json:"owner,omitempty"`
	// Independent says that its owner is nobody whom the evidence is about.
	Independent bool `json:"independent,omitzero"`
}

// Timestamp says, by an authority's word, that what it is over was there at a time.
type Timestamp struct {
	// Authority is the common name in the certificate that signed.
	Authority string
	// Serial is the authority's number of the token.
	Serial *big.Int
	// Time may be off by Accuracy, either way.
	Time     time.Time
	Accuracy time.Duration
	// Nonce is that of the request, if it had one.
	Nonce *big.Int
	// Revocation is what the trust file's revocation lists say of its certificates, nil if
	// there are none.
	Revocation *Revocation
}

// NotAfter is the latest that the token says it can have been, NotBefore the earliest.
func (t *Timestamp) NotAfter() time.Time  { return t.Time.Add(t.Accuracy) }
func (t *Timestamp) NotBefore() time.Time { return t.Time.Add(-t.Accuracy) }

// authority is a trusted authority's certificates, read.
type authority struct {
	roots, others *x509.CertPool
	all           []*x509.Certificate
}

// open reads the certificates. The self-signed ones and, if there are none, all of them
// are believed; the others only lead there.
func (a *TrustedAuthority) open() (*authority, error) {
	if a.Name == "" {
		return nil, errors.New("it has no name")
	}
	opened := &authority{roots: x509.NewCertPool(), others: x509.NewCertPool()}
	for rest := []byte(a.Certificates); len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("its certificates are not in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate %d: %w", len(opened.all)+1, err)
		}
		opened.all = append(opened.all, c)
	}
	if len(opened.all) == 0 {
		return nil, errors.New("it has no certificate")
	}
	any := slices.ContainsFunc(opened.all, isSelfSigned)
	for _, c := range opened.all {
		if !any || isSelfSigned(c) {
			opened.roots.AddCert(c)
		} else {
			opened.others.AddCert(c)
		}
	}
	return opened, nil
}

// Check says what is wrong with the name, the certificates or the revocation lists, if
// anything is. A list whose issuer's certificate is there must be signed by it; that of
// another issuer may come with the tokens.
func (a *TrustedAuthority) Check() error {
	opened, err := a.open()
	if err != nil {
		return err
	}
	lists, err := openRevocations(a.CRLs)
	if err != nil {
		return err
	}
	for i, list := range lists {
		var failure error
		for _, c := range opened.all {
			if !bytes.Equal(c.RawSubject, list.RawIssuer) {
				continue
			}
			if failure = list.CheckSignatureFrom(c); failure == nil {
				break
			}
		}
		if failure != nil {
			return fmt.Errorf("its revocation list %d is not signed by %s: %w", i+1, safetext.Word(list.Issuer.CommonName), failure)
		}
	}
	return nil
}

// VerifyToken checks, asking nobody and no clock, that a token (RFC 3161, DER) is this
// authority's over the SHA-256 of message: its signature holds, and its certificate is
// for timestamps alone, was valid at the token's time, and leads to one of those in the
// trust file. Whether a certificate was revoked is known as far as the trust file has
// revocation lists: the error is then a [*Revoked].
func (a *TrustedAuthority) VerifyToken(token, message []byte) (*Timestamp, error) {
	t, err := a.verifyToken(token, message)
	if err != nil {
		return nil, fmt.Errorf("timestamp of %s: %w", a.Name, err)
	}
	return t, nil
}

func (a *TrustedAuthority) verifyToken(token, message []byte) (*Timestamp, error) {
	opened, err := a.open()
	if err != nil {
		return nil, err
	}
	p7, stamp, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(message)
	switch {
	case stamp.HashAlgorithm != crypto.SHA256:
		return nil, fmt.Errorf("its hash is by %s: want SHA-256", stamp.HashAlgorithm)
	case !bytes.Equal(stamp.HashedMessage, digest[:]):
		return nil, errors.New("it is over other bytes than those of the checkpoint")
	case stamp.Accuracy < 0 || stamp.Accuracy > maxAccuracy:
		return nil, fmt.Errorf("it says that its time may be off by %s", stamp.Accuracy)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return nil, errors.New("it doesn't hold the one certificate that signed it")
	}
	if err := checkAttributes(p7); err != nil {
		return nil, err
	}
	// Without roots this is about the signature alone, and by no clock.
	if err := p7.VerifyWithOpts(x509.VerifyOptions{CurrentTime: stamp.Time}); err != nil {
		return nil, fmt.Errorf("its signature does not hold: %w", err)
	}
	if err := stampsOnly(signer); err != nil {
		return nil, err
	}
	between := opened.others.Clone()
	for _, c := range p7.Certificates {
		between.AddCert(c)
	}
	chains, err := signer.Verify(x509.VerifyOptions{
		Roots: opened.roots, Intermediates: between, CurrentTime: stamp.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	t := &Timestamp{Authority: signer.Subject.CommonName, Serial: stamp.SerialNumber, Time: stamp.Time.UTC(), Accuracy: stamp.Accuracy, Nonce: stamp.Nonce}
	if a.CRLs == "" {
		return t, nil
	}
	lists, err := openRevocations(a.CRLs)
	if err != nil {
		return nil, err
	}
	known := slices.Concat(opened.all, p7.Certificates)
	var revoked error
	for _, chain := range chains { // one that nobody revoked is enough
		if t.Revocation, err = checkRevoked(chain, known, lists, t.NotAfter()); err == nil {
			return t, nil
		}
		revoked = cmp.Or(revoked, err)
	}
	return nil, revoked
}

// checkToken checks what can be checked of a token without believing anybody: that it is
// one, and over message.
func checkToken(token, message []byte) error {
	_, stamp, err := parseToken(token)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	if stamp.HashAlgorithm != crypto.SHA256 || !bytes.Equal(stamp.HashedMessage, digest[:]) {
		return errors.New("it is over other bytes than those of the checkpoint")
	}
	return nil
}

// oidTSTInfo is what a token's content must be (RFC 3161, 2.4.2), oidExtKeyUsage the
// extension that says what a certificate is for.
var (
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// parseToken reads a token. It is DER to the byte: the library below takes BER, whose
// many ways of writing one thing nobody needs here.
func parseToken(token []byte) (*pkcs7.PKCS7, *timestamp.Timestamp, error) {
	if len(token) > MaxToken {
		return nil, nil, fmt.Errorf("it has %d bytes: the most is %d", len(token), MaxToken)
	}
	if rest, err := skipDER(token, maxDepth); err != nil {
		return nil, nil, fmt.Errorf("it is not DER: %w", err)
	} else if len(rest) > 0 {
		return nil, nil, errors.New("there is something after it")
	}
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version          int
			DigestAlgorithms asn1.RawValue
			Content          struct {
				Type asn1.ObjectIdentifier
				Rest asn1.RawValue `asn1:"optional"`
			}
			Certificates asn1.RawValue `asn1:"optional,tag:0"`
			CRLs         asn1.RawValue `asn1:"optional,tag:1"`
			Signers      asn1.RawValue
		} `asn1:"explicit,tag:0"`
	}
	if rest, err := asn1.Unmarshal(token, &outer); err != nil || len(rest) > 0 || !outer.Content.Content.Type.Equal(oidTSTInfo) {
		return nil, nil, errors.New("it is no timestamp token")
	}
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return nil, nil, fmt.Errorf("it is no timestamp token: %w", err)
	}
	stamp, err := timestamp.Parse(token)
	if err != nil {
		return nil, nil, fmt.Errorf("it does not hold: %w", err)
	}
	if stamp.SerialNumber == nil || stamp.SerialNumber.Sign() < 0 || stamp.SerialNumber.BitLen() > 256 {
		return nil, nil, errors.New("its serial number is none")
	}
	return p7, stamp, nil
}

// skipDER passes over one element, and checks that it and all in it have definite
// lengths in their shortest form.
func skipDER(b []byte, depth int) (rest []byte, _ error) {
	if depth == 0 {
		return nil, errors.New("it nests too deep")
	}
	if len(b) < 2 {
		return nil, errors.New("it is cut short")
	}
	compound, length, b := b[0]&0x20 != 0, int(b[1]), b
	if b[0]&0x1f == 0x1f {
		return nil, errors.New("a tag is longer than a byte")
	}
	b = b[2:]
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 3 || len(b) < n || b[0] == 0 {
			return nil, errors.New("a length is not in its shortest form")
		}
		length = 0
		for _, c := range b[:n] {
			length = length<<8 | int(c)
		}
		if length < 0x80 {
			return nil, errors.New("a length is not in its shortest form")
		}
		b = b[n:]
	}
	if length > len(b) {
		return nil, errors.New("it is cut short")
	}
	if compound {
		for inner := b[:length]; len(inner) > 0; {
			var err error
			if inner, err = skipDER(inner, depth-1); err != nil {
				return nil, err
			}
		}
	}
	return b[length:], nil
}

// checkAttributes checks that what is signed says that it is a token, so that no other
// signature of the same key can be taken for one (RFC 5652, 11.1), and by which hash.
func checkAttributes(p7 *pkcs7.PKCS7) error {
	var contentType asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &contentType); err != nil || !contentType.Equal(oidTSTInfo) {
		return errors.New("its signature is not one over a timestamp")
	}
	for _, strong := range []asn1.ObjectIdentifier{pkcs7.OIDDigestAlgorithmSHA256, pkcs7.OIDDigestAlgorithmSHA384, pkcs7.OIDDigestAlgorithmSHA512} {
		if p7.Signers[0].DigestAlgorithm.Algorithm.Equal(strong) {
			return nil
		}
	}
	return errors.New("it is signed by a hash that is not of the SHA-2 family")
}

// stampsOnly checks that a certificate is for timestamps and nothing else (RFC 3161,
// 2.3).
func stampsOnly(c *x509.Certificate) error {
	critical := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidExtKeyUsage) && e.Critical })
	if c.IsCA || !critical || len(c.UnknownExtKeyUsage) > 0 || len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping {
		return errors.New("its certificate is not one for timestamps alone")
	}
	return nil
}

// TokenInResponse takes the token out of an authority's answer (RFC 3161, 2.4.2). It
// proves nothing: see [TrustedAuthority.VerifyToken].
func TokenInResponse(response []byte) ([]byte, error) {
	if len(response) > MaxToken+1024 {
		return nil, fmt.Errorf("timestamp response: %d bytes: the most is %d", len(response), MaxToken+1024)
	}
	var r struct {
		Status struct {
			Status int
			Text   asn1.RawValue `asn1:"optional"`
			Why    asn1.RawValue `asn1:"optional"`
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	if rest, err := asn1.Unmarshal(response, &r); err != nil || len(rest) > 0 {
		return nil, errors.New("timestamp response: it is none")
	}
	if r.Status.Status > 1 || len(r.Token.FullBytes) == 0 { // granted, or granted with modifications
		if _, err := timestamp.ParseResponse(response); err != nil {
			return nil, fmt.Errorf("timestamp response: %w", err)
		}
		return nil, fmt.Errorf("timestamp response: it is of the status %d, without a token", r.Status.Status)
	}
	return r.Token.FullBytes, nil
}
