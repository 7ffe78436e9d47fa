package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events/safetext"
)

const (
	// maxRevocations bounds the revocation lists of an authority, in bytes as they stand in
	// the trust file, and maxLists how many they are.
	maxRevocations = 4 << 20
	maxLists       = 16
)

var (
	oidReasonCode = asn1.ObjectIdentifier{2, 5, 29, 21}
	// oidCRLNumber and oidAuthorityKey are what every list has, and says nothing about what
	// it covers.
	oidCRLNumber    = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidAuthorityKey = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// openRevocations reads an authority's revocation lists (RFC 5280, section 5): PEM, or the
// base64 of one in DER. A list that says less than which certificates of its issuer are
// revoked is refused: what it leaves out would be taken for good.
func openRevocations(text string) ([]*x509.RevocationList, error) {
	if len(text) > maxRevocations {
		return nil, fmt.Errorf("its revocation lists have %d bytes: the most is %d", len(text), maxRevocations)
	}
	var lists []*x509.RevocationList
	add := func(der []byte) error {
		list, err := x509.ParseRevocationList(der)
		if err == nil {
			err = checkWholeList(list)
		}
		if err == nil && len(lists) == maxLists {
			err = fmt.Errorf("there are more than %d", maxLists)
		}
		if err != nil {
			return fmt.Errorf("its revocation list %d: %w", len(lists)+1, err)
		}
		lists = append(lists, list)
		return nil
	}
	if !strings.Contains(text, "-----BEGIN") && strings.TrimSpace(text) != "" {
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return nil, errors.New("its revocation lists are neither PEM nor the base64 of one in DER")
		}
		return lists, add(der)
	}
	for rest := []byte(text); len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "X509 CRL" {
			return nil, errors.New("its revocation lists are not in PEM")
		}
		if err := add(block.Bytes); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// checkWholeList refuses what changes the meaning of a list and isn't looked at: it may be
// one of changes alone, of a part of the certificates, or of other issuers'.
func checkWholeList(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		if e.Critical && !e.Id.Equal(oidCRLNumber) && !e.Id.Equal(oidAuthorityKey) {
			return fmt.Errorf("it has the critical extension %s, which this program doesn't know", e.Id)
		}
	}
	for i := range list.RevokedCertificateEntries {
		for _, e := range list.RevokedCertificateEntries[i].Extensions {
			if e.Critical && !e.Id.Equal(oidReasonCode) {
				return fmt.Errorf("entry %d has the critical extension %s, which this program doesn't know", i+1, e.Id)
			}
		}
	}
	return nil
}

// Revoked says that a token is not believed, as the certificate that signed it, or one that
// that leads to, was revoked.
type Revoked struct {
	// Subject is the certificate's common name, Issuer that of who revoked it.
	Subject, Issuer string
	// At is when, by the list of the time Listed.
	At, Listed time.Time
	// Always says that no token by it is believed, whatever its time, and Reason why.
	Always bool
	Reason string
}

func (r *Revoked) Error() string {
	text := fmt.Sprintf("its certificate %s was revoked at %s (%s), by the list of %s of %s", safetext.Word(r.Subject), at(r.At), r.Reason, safetext.Word(r.Issuer), at(r.Listed))
	if r.Always {
		return text + ", so that none of its tokens counts, whatever their time"
	}
	return text + ", and the token is not from before that"
}

// Revocation is what the revocation lists of the trust file say of the certificates that a
// token leads to: that none was revoked, as far as they go.
type Revocation struct {
	Lists []CheckedList `json:"lists,omitempty"`
	// Unlisted are the certificates, by their common names, of which no list says anything.
	// Those that the trust file itself believes are not among them.
	Unlisted []string `json:"unlisted,omitempty"`
}

// CheckedList is a revocation list on which a certificate does not stand, or not so that it
// matters.
type CheckedList struct {
	Certificate string `json:"certificate"`
	Issuer      string `json:"issuer"`
	// ThisUpdate is the list's time, and NextUpdate when there was to be a newer one.
	ThisUpdate time.Time `json:"thisUpdate"`
	NextUpdate time.Time `json:"nextUpdate,omitzero"`
	// Stale says that there was to be one before the token's time, or by now.
	Stale bool `json:"stale,omitzero"`
}

// reasons are those of RFC 5280, 5.3.1. Those that are kept say of a timestamp authority,
// by RFC 3161, section 4, that its key was its own until then: tokens from before count.
var reasons = map[int]struct {
	name string
	kept bool
}{
	0: {"unspecified", true}, 1: {"key compromise", false}, 2: {"CA compromise", false}, 3: {"affiliation changed", true}, 4: {"superseded", true},
	5: {"cessation of operation", true}, 6: {"certificate hold", false}, 8: {"removed from the list", false}, 9: {"privilege withdrawn", false}, 10: {"AA compromise", false},
}

// reasonOf returns why a certificate was revoked, and whether tokens from before count. No
// reason is none to believe them (RFC 3161, section 4).
func reasonOf(e *x509.RevocationListEntry) (name string, kept bool) {
	for _, extension := range e.Extensions {
		if extension.Id.Equal(oidReasonCode) {
			if r, ok := reasons[e.ReasonCode]; ok {
				return r.name, r.kept
			}
			return fmt.Sprintf("reason %d", e.ReasonCode), false
		}
	}
	return "no reason given", false
}

// checkRevoked looks for the certificates of a chain on the lists of who issued them, which
// is one of known, and returns what these say. The error is a [*Revoked] if they say that a
// token, which may be as late as latest, doesn't count.
func checkRevoked(chain, known []*x509.Certificate, lists []*x509.RevocationList, latest time.Time) (*Revocation, error) {
	said := &Revocation{}
	for i, c := range chain {
		listed := false
		for _, list := range lists {
			if !bytes.Equal(list.RawIssuer, c.RawIssuer) || isSelfSigned(c) || !issuedBoth(known, c, list) {
				continue
			}
			for j := range list.RevokedCertificateEntries {
				e := &list.RevokedCertificateEntries[j]
				if e.SerialNumber.Cmp(c.SerialNumber) != 0 {
					continue
				}
				reason, kept := reasonOf(e)
				if !kept || !e.RevocationTime.After(latest) {
					return nil, &Revoked{Subject: c.Subject.CommonName, Issuer: list.Issuer.CommonName, At: e.RevocationTime, Listed: list.ThisUpdate, Always: !kept, Reason: reason}
				}
			}
			if list.ThisUpdate.After(c.NotAfter) { // lists leave out what has expired
				continue
			}
			listed = true
			said.Lists = append(said.Lists, CheckedList{Certificate: clip(c.Subject.CommonName), Issuer: clip(list.Issuer.CommonName), ThisUpdate: list.ThisUpdate, NextUpdate: list.NextUpdate})
		}
		if believed := i == len(chain)-1; !listed && !believed {
			said.Unlisted = append(said.Unlisted, clip(c.Subject.CommonName))
		}
	}
	return said, nil
}

// issuedBoth tells whether one of known signed both a certificate and a list: there may be
// several issuers of one name.
func issuedBoth(known []*x509.Certificate, c *x509.Certificate, list *x509.RevocationList) bool {
	for _, issuer := range known {
		if bytes.Equal(issuer.RawSubject, list.RawIssuer) && list.CheckSignatureFrom(issuer) == nil && c.CheckSignatureFrom(issuer) == nil {
			return true
		}
	}
	return false
}

func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(c) == nil
}
