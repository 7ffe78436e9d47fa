package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/saksi-ledger/saksi/events"
)

const origin = "ledger.example.my/test"

var now = time.Date(2026, 11, 24, 12, 0, 0, 500, time.UTC)

// register is readers by name and key.
type register map[string]Entry

var errRegister = errors.New("the register can't be read")

func (r register) Grantee(name string, key events.KeyID) (Entry, bool, error) {
	if r == nil {
		return Entry{}, false, errRegister
	}
	e, ok := r[name+" "+string(key)]
	return e, ok, nil
}

func (r register) add(e Entry) { r[e.Name+" "+string(e.Key.ID())] = e }

func newSigner(t testing.TB) (*events.Signer, ed25519.PrivateKey) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := events.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, private
}

func newVerifier(t testing.TB) (*Verifier, *events.Signer, ed25519.PrivateKey) {
	signer, private := newSigner(t)
	r := register{}
	r.add(Entry{Grantee: Grantee{Name: "desk", Role: Supervisor, Facilities: []string{"lab-1"}}, Key: signer.PublicKey()})
	return &Verifier{Origin: origin, Register: r, Now: func() time.Time { return now }}, signer, private
}

func TestMintAndVerify(t *testing.T) {
	v, signer, _ := newVerifier(t)
	text, err := Mint(signer, "desk", origin, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "bearer "+text)
	if g, err := v.Authenticate(r); err != nil || g.Name != "desk" || g.Role != Supervisor || g.Facilities[0] != "lab-1" {
		t.Fatalf("%+v, %v", g, err)
	}
	if g, err := v.Authenticate(httptest.NewRequest("GET", "/", nil)); err != nil || g.Role != Public {
		t.Errorf("without a token: %+v, %v", g, err)
	}
	for _, life := range []time.Duration{0, -time.Second, MaxLife + 1} {
		if _, err := Mint(signer, "desk", origin, now, life); err == nil {
			t.Errorf("a token was made for %v", life)
		}
	}
	v.Register = register(nil)
	if _, err := v.Verify(text); !errors.Is(err, errRegister) || errors.Is(err, ErrInvalid) {
		t.Errorf("with a register that can't be read: %v", err)
	}
}

// A P-256 key signs tokens with ES256, and neither kind of key by the other's
// algorithm.
func TestES256(t *testing.T) {
	v, ed, _ := newVerifier(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := events.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	v.Register.(register).add(Entry{Grantee: Grantee{Name: "cloud", Role: Operator}, Key: signer.PublicKey()})
	var text string
	for range 200 { // now and then r or s begins with zeros
		if text, err = Mint(signer, "cloud", origin, now, time.Hour); err != nil {
			t.Fatal(err)
		}
		if g, err := v.Verify(text); err != nil || g.Name != "cloud" {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	parsed, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil || !parsed.Valid {
		t.Errorf("the library alone: %v", err)
	}
	claims := map[string]any{"iss": "cloud", "aud": origin, "iat": now.Unix(), "exp": now.Unix() + 60}
	_, private := newSigner(t)
	for _, alg := range []string{"EdDSA", "ES256"} {
		for _, kid := range []events.KeyID{signer.PublicKey().ID(), ed.PublicKey().ID()} {
			if _, err := v.Verify(handmade(private, map[string]any{"alg": alg, "kid": string(kid)}, claims)); !errors.Is(err, ErrInvalid) {
				t.Errorf("alg %s by key %.12s: %v", alg, kid, err)
			}
		}
	}
}

// handmade signs any header and claims.
func handmade(key ed25519.PrivateKey, header, claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

func TestRefused(t *testing.T) {
	v, signer, private := newVerifier(t)
	other, otherPrivate := newSigner(t)
	v.Register.(register).add(Entry{Grantee: Grantee{Name: "gone", Role: Auditor}, Key: other.PublicKey(), Suspended: true})
	sec := now.Unix()
	tests := []struct {
		name   string
		change func(header, claims map[string]any)
		sign   ed25519.PrivateKey
		want   error
	}{
		{name: "as it should be", change: func(_, _ map[string]any) {}},
		{name: "one day to the second", change: func(_, c map[string]any) { c["iat"], c["exp"] = sec-1, sec-1+86400 }},
		{name: "a clock 60 s ahead", change: func(_, c map[string]any) { c["iat"] = sec + 60 }},
		{name: "alg none", change: func(h, _ map[string]any) { h["alg"] = "none" }, want: ErrInvalid},
		{name: "alg HS256", change: func(h, _ map[string]any) { h["alg"] = "HS256" }, want: ErrInvalid},
		{name: "alg Ed25519", change: func(h, _ map[string]any) { h["alg"] = "Ed25519" }, want: ErrInvalid},
		{name: "no kid", change: func(h, _ map[string]any) { delete(h, "kid") }, want: ErrInvalid},
		{name: "kid of another", change: func(h, _ map[string]any) { h["kid"] = string(other.PublicKey().ID()) }, want: ErrInvalid},
		{name: "kid a number", change: func(h, _ map[string]any) { h["kid"] = 5 }, want: ErrInvalid},
		{name: "critical header", change: func(h, _ map[string]any) { h["crit"] = []string{"b64"} }, want: ErrInvalid},
		{name: "issuer of another", change: func(_, c map[string]any) { c["iss"] = "gone" }, want: ErrInvalid},
		{name: "no issuer", change: func(_, c map[string]any) { delete(c, "iss") }, want: ErrInvalid},
		{name: "another audience", change: func(_, c map[string]any) { c["aud"] = "ledger.example.id/2026" }, want: ErrInvalid},
		{name: "two audiences", change: func(_, c map[string]any) { c["aud"] = []string{origin, "x"} }, want: ErrInvalid},
		{name: "no audience", change: func(_, c map[string]any) { delete(c, "aud") }, want: ErrInvalid},
		{name: "expired", change: func(_, c map[string]any) { c["exp"] = sec }, want: ErrInvalid},
		{name: "never expires", change: func(_, c map[string]any) { delete(c, "exp") }, want: ErrInvalid},
		{name: "a day and a second", change: func(_, c map[string]any) { c["exp"] = sec + 86401 }, want: ErrInvalid},
		{name: "issued 62 s ahead", change: func(_, c map[string]any) { c["iat"] = sec + 62 }, want: ErrInvalid},
		{name: "no time of issue", change: func(_, c map[string]any) { delete(c, "iat") }, want: ErrInvalid},
		{name: "not yet", change: func(_, c map[string]any) { c["nbf"] = sec + 100 }, want: ErrInvalid},
		{name: "signed by another", change: func(_, _ map[string]any) {}, sign: otherPrivate, want: ErrInvalid},
		{name: "suspended", change: func(h, c map[string]any) {
			h["kid"], c["iss"] = string(other.PublicKey().ID()), "gone"
		}, sign: otherPrivate, want: ErrSuspended},
	}
	for _, test := range tests {
		header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": string(signer.PublicKey().ID())}
		claims := map[string]any{"iss": "desk", "aud": origin, "iat": sec, "exp": sec + 86400}
		test.change(header, claims)
		key := private
		if test.sign != nil {
			key = test.sign
		}
		if _, err := v.Verify(handmade(key, header, claims)); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	text, err := Mint(signer, "desk", origin, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{text, "Basic " + text, "Bearer", "Bearer ", "Bearer a.b", "Bearer " + text + "x", "Bearer " + text + "=",
		"Bearer " + text[:len(text)-1], "Bearer " + strings.Repeat("a", 5000)} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		if g, err := v.Authenticate(r); !errors.Is(err, ErrInvalid) {
			t.Errorf("Authorization: %.60s…: %+v, %v", header, g, err)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Authorization"] = []string{"Bearer " + text, "Bearer " + text}
	if _, err := v.Authenticate(r); !errors.Is(err, ErrInvalid) {
		t.Errorf("two tokens: %v", err)
	}
}

func TestScope(t *testing.T) {
	const own, neighbour = "events.nimbus-my.lab-1.bastion-1", "events.strato.lab-2.badge-1"
	tests := []struct {
		g                                  Grantee
		own, neighbour, registry, nobodies bool
	}{
		{Grantee{Role: Supervisor}, true, true, true, true},
		{Grantee{Role: Supervisor, Facilities: []string{"lab-1"}}, true, false, true, false},
		{Grantee{Role: Auditor, Operators: []string{"strato"}}, false, true, true, false},
		{Grantee{Role: Auditor, Operators: []string{"strato"}, Facilities: []string{"lab-1"}}, false, false, true, false},
		{Grantee{Role: Operator, Name: "nimbus-my"}, true, false, false, false},
		{Grantee{Role: Operator, Name: "nimbus-my", Operators: []string{"strato"}}, true, false, false, false},
	}
	for _, test := range tests {
		g := test.g
		if g.CoversSubject(own) != test.own || g.CoversSubject(neighbour) != test.neighbour ||
			g.CoversSubject("registry.mcmc") != test.registry || g.CoversSubject("events.x y") != test.nobodies {
			t.Errorf("%+v covers %v %v %v %v", g, g.CoversSubject(own), g.CoversSubject(neighbour), g.CoversSubject("registry.mcmc"), g.CoversSubject("events.x y"))
		}
	}
}

// Whatever is accepted was minted: the same text, from the same claims.
func FuzzVerify(f *testing.F) {
	v, signer, private := newVerifier(f)
	text, err := Mint(signer, "desk", origin, now, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(handmade(private, map[string]any{"alg": "EdDSA"}, map[string]any{"iss": "desk"}))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		if g, err := v.Verify(s); err == nil && s != text {
			t.Errorf("%q was taken for a token of %+v", s, g)
		} else if err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// Of a body, a grantee is shown what is in its scope, event by event.
func TestCoversLine(t *testing.T) {
	operator, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	registry := events.RegistryRecorder("mcmc")
	line := func(r events.Recorder, eventType, data string) []byte {
		e, err := events.NewEvent(r, eventType, "x", time.Unix(1, 0), json.RawMessage(data), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	all := Grantee{Role: Supervisor}
	lab1 := Grantee{Role: Supervisor, Facilities: []string{"lab-1"}}
	lab2 := Grantee{Role: Supervisor, Facilities: []string{"lab-2"}}
	access := Grantee{Role: Supervisor, Families: []string{"access"}}
	registrar := Grantee{Role: Supervisor, Families: []string{"registry"}}
	bank := Grantee{Role: Supervisor, Customers: []string{"nimbus-my/bank-1"}}
	both := Grantee{Role: Supervisor, Facilities: []string{"lab-1"}, Within: []Bounds{{Customers: []string{"nimbus-my/bank-1"}}}}
	own := Grantee{Name: "nimbus-my", Role: Operator}
	who := []Grantee{all, lab1, lab2, access, registrar, bank, both, own}
	const y, n = true, false
	for _, test := range []struct {
		recorder events.Recorder
		of, data string
		want     [8]bool
	}{
		{operator, events.TypeAccessPerformed, `{"tenant":"bank-1"}`, [8]bool{y, y, n, y, n, y, y, y}},
		{operator, events.TypeAccessPerformed, `{"tenant":"bank-2"}`, [8]bool{y, y, n, y, n, n, n, y}},
		{operator, events.TypeAccessPerformed, `{}`, [8]bool{y, y, n, y, n, n, n, y}},
		{operator, events.TypeAccessPerformed, `{"tenant":7}`, [8]bool{y, y, n, y, n, n, n, y}},
		{operator, events.TypeFacilityDescribed, `{}`, [8]bool{y, y, n, n, n, n, n, y}},
		{operator, events.TypeSealed, `{}`, [8]bool{y, y, n, n, n, n, n, y}},
		{registry, events.TypeOperatorAdmitted, `{"operator":"strato"}`, [8]bool{y, y, y, y, y, y, y, n}},
		{registry, events.TypeGenesis, `{}`, [8]bool{y, y, y, y, y, y, y, n}},
		{registry, events.TypeTenantDeclared, `{"tenant":"bank-1"}`, [8]bool{y, n, n, n, y, y, n, n}},
		{registry, events.TypeTenantDeclared, `{"tenant":"bank-1","operator":"strato"}`, [8]bool{y, n, n, n, y, n, n, n}},
		{registry, events.TypeTenantDeclared, `{"tenant":"hospital-1"}`, [8]bool{y, n, n, n, y, n, n, n}},
		{registry, events.TypeFindingResolved, `{"facility":"lab-1"}`, [8]bool{y, y, n, y, n, n, n, n}},
		{registry, events.TypeDisclosureRevealed, `{"recorder":"nimbus-my/lab-2/r"}`, [8]bool{y, n, y, y, n, n, n, n}},
		{registry, events.TypeHoldPlaced, `{"facilities":["lab-1","lab-2"]}`, [8]bool{y, n, n, y, n, n, n, n}},
		{registry, events.TypeHoldPlaced, `{}`, [8]bool{y, n, n, y, n, n, n, n}},
		{registry, "saksi.registry.something.new.v1", `{}`, [8]bool{y, n, n, n, n, n, n, n}},
	} {
		text := line(test.recorder, test.of, test.data)
		for i, g := range who {
			if got := g.CoversLine(test.recorder, text); got != test.want[i] {
				t.Errorf("%s %s: %+v: %v", test.of, test.data, g, got)
			}
		}
	}
	if all.CoversLine(operator, nil) != true || bank.CoversLine(operator, []byte("{")) {
		t.Error("what was erased, or is no event")
	}
}
