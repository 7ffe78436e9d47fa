package token

import (
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/saksi-ledger/saksi/events"
)

const (
	// MaxLife is the longest that a token is good for.
	MaxLife = 24 * time.Hour
	// skew is how far a reader's clock may be ahead.
	skew = 60 * time.Second
	// maxToken bounds a token, in bytes.
	maxToken = 4 << 10
)

// Mint makes a token for a reader of a ledger, good for life from now. Times are cut
// to seconds.
func Mint(signer *events.Signer, name, origin string, now time.Time, life time.Duration) (string, error) {
	if life <= 0 || life > MaxLife {
		return "", fmt.Errorf("make a token for %s: it can't be good for %v: want more than 0 and at most %v", name, life, MaxLife)
	}
	t := jwt.NewWithClaims(method(signer.PublicKey()), jwt.RegisteredClaims{
		Issuer: name, Audience: jwt.ClaimStrings{origin},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life).Truncate(time.Second)),
	})
	t.Header["kid"] = string(signer.PublicKey().ID())
	text, err := t.SigningString()
	if err != nil {
		return "", fmt.Errorf("make a token for %s: %w", name, err)
	}
	// The library's own signing wants the private key itself for ES256.
	sig, err := signer.Sign(rand.Reader, []byte(text))
	if err == nil && signer.PublicKey().Algorithm() == events.ECDSAP256 {
		sig, err = flat(sig)
	}
	if err != nil {
		return "", fmt.Errorf("make a token for %s: %w", name, err)
	}
	return text + "." + t.EncodeSegment(sig), nil
}

// method is how a key signs tokens (RFC 8037, RFC 7518 3.4).
func method(key events.PublicKey) jwt.SigningMethod {
	if key.Algorithm() == events.ECDSAP256 {
		return jwt.SigningMethodES256
	}
	return jwt.SigningMethodEdDSA
}

// flat turns the DER of an ECDSA signature into what JWS has: r and s, 32 bytes each
// (RFC 7518, 3.4).
func flat(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, errors.New("the key's signature is not DER")
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}

// Register knows who may ask.
type Register interface {
	// Grantee returns who has this name and key, and whether there is such a one.
	// An error means that the register can't be read.
	Grantee(name string, key events.KeyID) (Entry, bool, error)
}

// Entry is a line of a [Register].
type Entry struct {
	Grantee
	Key       events.PublicKey
	Suspended bool
}

// ErrInvalid is wrapped where a token is not one that the register's keys signed
// for this ledger and this time (HTTP 401).
var ErrInvalid = errors.New("the token is not valid")

// ErrSuspended is wrapped where the token is good and its reader is suspended
// (HTTP 403).
var ErrSuspended = errors.New("the reader is suspended")

// Verifier tells by its token who asks. It is safe for concurrent use if Register
// is.
type Verifier struct {
	// Origin is the ledger's: the audience that tokens must be for.
	Origin   string
	Register Register
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Authenticate returns who sent a request: somebody of role [Public] if it has no
// Authorization. The error wraps [ErrInvalid] or [ErrSuspended], or is the
// register's.
func (v *Verifier) Authenticate(r *http.Request) (Grantee, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return Grantee{Role: Public}, nil
	}
	scheme, text, ok := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return Grantee{}, fmt.Errorf("%w: want one header Authorization: Bearer TOKEN", ErrInvalid)
	}
	return v.Verify(strings.TrimSpace(text))
}

// Verify returns whose token it is. Errors are those of [Verifier.Authenticate].
func (v *Verifier) Verify(text string) (Grantee, error) {
	if len(text) > maxToken {
		return Grantee{}, fmt.Errorf("%w: it is longer than %d bytes", ErrInvalid, maxToken)
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	var entry Entry
	var registry error
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodES256.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(now))
	_, err := parser.ParseWithClaims(text, &claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if _, critical := t.Header["crit"]; critical {
			return nil, errors.New("it has critical headers, of which none is known here (RFC 7515, 4.1.11)")
		}
		var found bool
		entry, found, registry = v.Register.Grantee(claims.Issuer, events.KeyID(kid))
		switch {
		case registry != nil:
			return nil, registry
		case !found || string(entry.Key.ID()) != kid || entry.Name != claims.Issuer || entry.Name == "":
			return nil, errors.New("nobody of its issuer's name has the key that it names")
		}
		if t.Method != method(entry.Key) {
			return nil, jwt.ErrTokenSignatureInvalid
		}
		return entry.Key.Crypto(), nil
	})
	switch {
	case registry != nil:
		return Grantee{}, fmt.Errorf("look up %.40q: %w", claims.Issuer, registry)
	case err != nil:
		return Grantee{}, fmt.Errorf("%w: %s", ErrInvalid, reason(err))
	case len(claims.Audience) != 1 || claims.Audience[0] != v.Origin:
		return Grantee{}, fmt.Errorf("%w: its audience is not %s alone", ErrInvalid, v.Origin)
	case claims.IssuedAt == nil || claims.IssuedAt.After(now().Add(skew)):
		return Grantee{}, fmt.Errorf("%w: it has no time of issue, or one more than %v ahead", ErrInvalid, skew)
	case claims.ExpiresAt.Sub(claims.IssuedAt.Time) > MaxLife:
		return Grantee{}, fmt.Errorf("%w: it is good for more than %v", ErrInvalid, MaxLife)
	case entry.Suspended:
		return Grantee{}, fmt.Errorf("%s: %w", entry.Name, ErrSuspended)
	}
	return entry.Grantee, nil
}

// reason says in words of this project why the library refused a token. Its own
// quote what the token holds.
func reason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "it has expired"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "its time has not come"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "it never expires"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "it is not signed by the key that it names, or by another algorithm than that key's"
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return "nobody of its issuer's name has the key that it names"
	}
	return "it is not a JWT"
}
