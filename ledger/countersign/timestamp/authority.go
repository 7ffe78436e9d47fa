package timestamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Authority is one to ask.
type Authority struct {
	// URL is where it takes requests (RFC 3161, 3.4).
	URL string
	// Trusted is what its tokens are verified with. Its name is that of the directory for
	// them: at most 64 of A-Z a-z 0-9 . - _, the first of them no point.
	Trusted verify.TrustedAuthority
}

const (
	maxName      = 64
	maxCertFile  = 256 << 10
	nameBytes    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	dialWithin   = 10 * time.Second
	specWanted   = "want https://HOST/PATH,cert=FILE[,name=NAME][,owner=WHO]"
	typeOfQuery  = "application/timestamp-query"
	typeOfAnswer = "application/timestamp-reply"
)

func validName(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' && strings.Trim(name, nameBytes) == ""
}

func (a *Authority) check() error {
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
		return fmt.Errorf("timestamp authority %q: want http or https, and a host", a.URL)
	case !validName(a.Trusted.Name):
		return fmt.Errorf("timestamp authority: the name %.80q can't be that of a directory: want at most %d of A-Z a-z 0-9 . - _", a.Trusted.Name, maxName)
	}
	if err := a.Trusted.Check(); err != nil {
		return fmt.Errorf("timestamp authority %s: %w", a.Trusted.Name, err)
	}
	return nil
}

// ParseSpec reads how a person names an authority:
//
//	https://HOST[:PORT]/PATH,cert=FILE[,name=NAME][,owner=WHO]
//
// FILE holds its certificates in PEM, the root among them. NAME is HOST[-PORT] unless
// said. Who is independent is for readers of trust files to say; the word is taken, and
// goes no further.
func ParseSpec(spec string) (Authority, error) {
	a, err := parseSpec(spec)
	if err != nil {
		return Authority{}, fmt.Errorf("timestamp authority %q: %w", spec, err)
	}
	return a, a.check()
}

func parseSpec(spec string) (a Authority, _ error) {
	base, options, _ := strings.Cut(spec, ",")
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return a, errors.New(specWanted)
	}
	a = Authority{URL: base, Trusted: verify.TrustedAuthority{Name: defaultName(u)}}
	file := ""
	for option := range strings.SplitSeq(options, ",") {
		name, value, hasValue := strings.Cut(option, "=")
		switch {
		case options == "":
		case option == "independent":
			a.Trusted.Independent = true
		case !hasValue || value == "":
			return a, fmt.Errorf("%q: %s", option, specWanted)
		case name == "cert":
			file = value
		case name == "name":
			a.Trusted.Name = value
		case name == "owner":
			a.Trusted.Owner = value
		default:
			return a, fmt.Errorf("%q: %s", option, specWanted)
		}
	}
	if file == "" {
		return a, errors.New("it has no certificate: " + specWanted)
	}
	f, err := os.Open(file)
	if err != nil {
		return a, fmt.Errorf("its certificates: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCertFile+1))
	switch {
	case err != nil:
		return a, fmt.Errorf("its certificates: %w", err)
	case len(text) > maxCertFile:
		return a, fmt.Errorf("%s has more than %d bytes", file, maxCertFile)
	}
	a.Trusted.Certificates = string(text)
	return a, nil
}

func defaultName(u *url.URL) string {
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(nameBytes, c) {
			return c
		}
		return '-'
	}, u.Host)
	return strings.TrimLeft(name[:min(len(name), maxName)], ".")
}

// newHTTPClient returns a client for one authority, which follows no redirection: an
// authority is where it was said to be.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialWithin}).DialContext,
			TLSHandshakeTimeout:    dialWithin,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask has the authority sign a time for message, and returns a token that holds.
func (a *Authority) ask(ctx context.Context, client *http.Client, message []byte) ([]byte, *verify.Timestamp, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.Sum256(message)
	query, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, nil, fmt.Errorf("ask for a timestamp: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(query))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", typeOfQuery)
	request.Header.Set("Accept", typeOfAnswer)
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for a timestamp: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, verify.MaxToken+1025))
	switch {
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated:
		return nil, nil, fmt.Errorf("ask for a timestamp: it answered %s: %.200q", response.Status, answer)
	case err != nil:
		return nil, nil, fmt.Errorf("ask for a timestamp: %w", err)
	}
	token, err := verify.TokenInResponse(answer)
	if err != nil {
		return nil, nil, err
	}
	t, err := a.Trusted.VerifyToken(token, message)
	if err != nil {
		return nil, nil, fmt.Errorf("what the authority answered does not hold: %w", err)
	}
	if t.Nonce == nil || t.Nonce.Cmp(nonce) != 0 {
		return nil, nil, errors.New("what the authority answered is not for this request: its nonce is another")
	}
	return token, t, nil
}
