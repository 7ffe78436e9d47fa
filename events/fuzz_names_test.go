package events_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// FuzzNames: a recorder has one name, one subject and one source, and each leads back to it.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"nimbus-my/lab-1/bastion-1", "registry/mcmc", "ledger", "events.nimbus-my.lab-1.bastion-1", "events.registry.mcmc",
		"a/b", "a//b", "*/lab-1/>", "A/b/c", "nimbus-my/lab-1/bastion-1/x", "-a/b/c", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := events.ParseRecorder(s); err == nil {
			if r.String() != s {
				t.Errorf("%q is the recorder %q", s, r)
			}
			if r.Source() != "/"+s {
				t.Errorf("%q has the source %q", s, r.Source())
			}
			if again, err := events.ParseSubject(r.Subject()); err != nil || again != r {
				t.Errorf("%q publishes on %q, which is of %q: %v", s, r.Subject(), again, err)
			}
		}
		if r, err := events.ParseSubject(s); err == nil && r.Subject() != s {
			t.Errorf("%q is the subject of %q, which publishes on %q", s, r, r.Subject())
		}
	})
}

// FuzzDisclosure: what opens is [salt, name, value], and is written again to something that
// opens the same.
func FuzzDisclosure(f *testing.F) {
	// RFC 9901, section 4.2.1.
	f.Add("WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0")
	for _, plain := range []string{`["s","n",{"a":[1,null]}]`, `["s","n"]`, `["s",1,2]`, `{}`, `["s","n",1,2]`, "[\"s\",\"\xff\",1]"} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(plain)))
	}
	f.Add("W10\n")
	f.Fuzz(func(t *testing.T, s string) {
		name, value, err := events.Disclosure(s).Open()
		if err != nil {
			return
		}
		plain, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatalf("%q opens, and is not base64url: %v", s, err)
		}
		var parts []any
		if err := json.Unmarshal(plain, &parts); err != nil || len(parts) != 3 || parts[1] != name {
			t.Fatalf("%q is %q, and opens as %q", s, plain, name)
		}
		again, err := events.NewDisclosure(name, value, bytes.NewReader(make([]byte, 16)))
		if err != nil {
			t.Fatal(err)
		}
		if n, v, err := again.Open(); err != nil || n != name || !equalJSON(t, v, value) {
			t.Errorf("%q: written again, it is %q, %v: %v", s, n, v, err)
		}
	})
}

func equalJSON(t *testing.T, a, b any) bool {
	left, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(left, right)
}

// FuzzPeriod: a period goes forward by something, or is forever because it says so.
func FuzzPeriod(f *testing.F) {
	for _, seed := range []string{"P7Y", "P90D", "P1Y2M3D", "forever", "P", "P0D", "P007Y", "P99999999999999999999Y", "-P1Y", "P1W"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := events.ParsePeriod(s)
		if err != nil {
			return
		}
		if p.Years < 0 || p.Months < 0 || p.Days < 0 || (p == events.Forever) != (s == "forever") {
			t.Errorf("%q is %+v", s, p)
		}
	})
}
