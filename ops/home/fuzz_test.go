package home_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/home"
)

// FuzzReadRequest: what is taken for a request is signed by the key that it names, and for a
// role and a name that can be admitted.
func FuzzReadRequest(f *testing.F) {
	for _, role := range []string{"operator", "authority"} {
		dir := filepath.Join(f.TempDir(), role)
		var path string
		if role == "operator" {
			h, err := home.NewOperator(dir, "nimbus-my")
			must(f, err)
			path = h.RequestFile()
		} else {
			h, err := home.NewMemberAuthority(dir, "bnm", home.KeySpec{Algorithm: events.ECDSAP256})
			must(f, err)
			path = h.RequestFile()
		}
		text, err := os.ReadFile(path)
		must(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"v":1,"role":"operator","name":"nimbus-my"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "request.json")
		must(t, os.WriteFile(path, text, 0o600))
		r, err := home.ReadRequest(path)
		if err != nil {
			return
		}
		if !events.ValidName(r.Name) || r.Role == home.RoleAuthority {
			t.Errorf("%q asks for %s as %q", text, r.Role, r.Name)
		}
		if _, err := events.ParsePublicKey(r.Key); err != nil {
			t.Errorf("%q has no key: %v", text, err)
		}
		again, err := json.Marshal(r)
		must(t, err)
		must(t, os.WriteFile(path, again, 0o600))
		if _, err := home.ReadRequest(path); err != nil {
			t.Errorf("%q is taken, and not when it is written again: %v", text, err)
		}
	})
}

// FuzzReadGrant: what is taken for a grant says where the ledger is and whom to believe.
func FuzzReadGrant(f *testing.F) {
	f.Add([]byte(`{"v":1,"role":"operator","name":"nimbus-my","user":"x","nats":"nats://127.0.0.1:4222","http":"http://127.0.0.1:80",` +
		`"ledger":{"origin":"ledger.example.my/saksi/2026","key":"ledger.example.my/saksi/2026+9b587e5e+AaXUsR2WBycmJHNxDm6WtFUCjo4gbk7Z796kwhuUmM9a","genesis":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}`))
	f.Add([]byte(`{"v":1,"role":"reader"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "grant.json")
		must(t, os.WriteFile(path, text, 0o600))
		g, err := home.ReadGrant(path)
		if err != nil {
			return
		}
		log, err := g.Ledger.Log()
		if err != nil || log.Origin() != g.Ledger.Origin || g.NATS == "" || g.HTTP == "" || g.User == "" {
			t.Errorf("%q is taken: %+v, %v", text, g, err)
		}
	})
}
