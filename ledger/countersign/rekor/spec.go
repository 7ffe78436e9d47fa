package rekor

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const specWanted = "want https://HOST,key=FILE[,version=1|2][,origin=ORIGIN][,owner=WHO][,tiles=URL][,name=NAME]"

// ParseSpec reads how a person names a Rekor:
//
//	https://HOST[:PORT][/PATH],key=FILE[,version=1|2][,origin=ORIGIN][,owner=WHO][,tiles=URL][,name=NAME]
//
// FILE holds its public key: PEM, the base64 of that, or a verifier key. Version is 2
// unless said. Origin is the verifier key's name or HOST unless said; of version 1
// HOST alone is right for all its trees. tiles is where a Rekor v2 serves its tree, if
// that isn't URL/api/v2. name is that of the directory for its anchors; HOST[-PORT]
// unless said. Who is independent is for readers of trust files to say; the word is
// taken, and goes no further.
func ParseSpec(spec string) (Rekor, error) {
	r, err := parseSpec(spec)
	if err != nil {
		return Rekor{}, fmt.Errorf("Rekor %q: %w", spec, err)
	}
	return r, nil
}

func parseSpec(spec string) (r Rekor, _ error) {
	base, options, _ := strings.Cut(spec, ",")
	u, err := parseBase(base)
	if err != nil {
		return r, errors.New(specWanted)
	}
	r = Rekor{Name: defaultName(u), URL: base, Trusted: verify.TrustedRekor{Version: 2}}
	var keyFile, tiles string
	for option := range strings.SplitSeq(options, ",") {
		name, value, hasValue := strings.Cut(option, "=")
		switch {
		case option == "independent":
			r.Trusted.Independent = true
		case !hasValue || value == "":
			return r, fmt.Errorf("%q: %s", option, specWanted)
		case name == "key":
			keyFile = value
		case name == "version" && (value == "1" || value == "2"):
			r.Trusted.Version = int(value[0] - '0')
		case name == "origin":
			r.Trusted.Origin = value
		case name == "owner":
			r.Trusted.Owner = value
		case name == "tiles":
			tiles = value
		case name == "name":
			r.Name = value
		default:
			return r, fmt.Errorf("%q: %s", option, specWanted)
		}
	}
	if keyFile == "" {
		return r, errors.New("it has no key: " + specWanted)
	}
	key, name, err := readKey(keyFile)
	if err != nil {
		return r, err
	}
	r.Trusted.Key = key
	if r.Trusted.Origin == "" {
		r.Trusted.Origin = name
	}
	if r.Trusted.Origin == "" {
		r.Trusted.Origin = u.Hostname()
	}
	switch {
	case r.Trusted.Version == 1 && tiles != "":
		return r, errors.New("a Rekor of version 1 has no tiles")
	case r.Trusted.Version == 1:
		r.Client, err = NewClientV1(base)
	default:
		r.Client, err = newClientOf(base, tiles)
	}
	if err != nil {
		return r, err
	}
	return r, r.check()
}

func newClientOf(base, tiles string) (Client, error) {
	if tiles == "" {
		return NewClientV2(base, nil)
	}
	u, err := parseBase(tiles)
	if err != nil {
		return nil, err
	}
	fetch, err := httpTiles(u, newHTTPClient())
	if err != nil {
		return nil, err
	}
	return NewClientV2(base, fetch)
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

// readKey reads a public key in any of the forms in which people get one, and returns
// it as trust files hold it, with its name if it has one.
func readKey(path string) (key, name string, _ error) {
	b, err := durable.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("there is no key in %s", path)
	}
	if err != nil {
		return "", "", fmt.Errorf("its key: %w", err)
	}
	if block, _ := pem.Decode(b); block != nil {
		return base64.StdEncoding.EncodeToString(block.Bytes), "", nil
	}
	key = strings.TrimSpace(string(b))
	if v, err := note.NewVerifier(key); err == nil {
		return key, v.Name(), nil
	}
	return key, "", nil
}
