package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ops/home"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// enrolled makes a reader's home, and what the authority would write of it.
func enrolled(t *testing.T, name string) (*home.Reader, home.EnrolledReader) {
	t.Helper()
	h, err := home.NewReader(filepath.Join(t.TempDir(), name), name)
	must(t, err)
	request, err := home.ReadRequest(h.RequestFile())
	must(t, err)
	if request.Role != home.RoleReader || request.Name != name {
		t.Fatalf("request: %+v", request)
	}
	return h, home.EnrolledReader{Name: name, Role: home.Analyst, Key: request.Key, Connection: request.Connection, Added: time.Unix(1, 0).UTC()}
}

func TestReaders(t *testing.T) {
	dir := t.TempDir()
	readers, running := home.OpenReaders(dir), home.OpenReaders(dir)
	if all, err := running.All(); err != nil || len(all) != 0 {
		t.Fatalf("before the first: %v, %v", all, err)
	}
	deskHome, desk := enrolled(t, "desk")
	_, lab := enrolled(t, "audit-lab")
	must(t, readers.Put(desk))
	must(t, readers.Put(lab))
	all, err := running.All()
	must(t, err)
	if len(all) != 2 || all[0].Name != "audit-lab" || all[1].Name != "desk" {
		t.Fatalf("readers: %+v", all)
	}
	signer, err := deskHome.Signer()
	must(t, err)
	got, ok, err := running.ByKeyID(signer.PublicKey().ID())
	if err != nil || !ok || got.Name != "desk" {
		t.Errorf("by key: %+v, %v, %v", got, ok, err)
	}
	key, err := got.PublicKey()
	if err != nil || key.ID() != signer.PublicKey().ID() {
		t.Errorf("public key: %v, %v", key.ID(), err)
	}

	// A change is seen by whoever has the register open.
	desk.Facilities = []string{"lab-1"}
	must(t, readers.Put(desk))
	must(t, readers.SetSuspended("audit-lab", true))
	got, _, err = running.ByName("desk")
	if err != nil || !slices.Equal(got.Facilities, []string{"lab-1"}) {
		t.Errorf("desk: %+v, %v", got, err)
	}
	if got, ok, err := running.ByName("audit-lab"); err != nil || !ok || !got.Suspended {
		t.Errorf("audit-lab: %+v, %v", got, err)
	}
	if _, ok, err := running.ByName("nobody"); ok || err != nil {
		t.Errorf("nobody: %v, %v", ok, err)
	}
	if err := readers.SetSuspended("nobody", true); !errors.Is(err, home.ErrNoReader) {
		t.Errorf("suspend nobody: %v", err)
	}

	// What somebody broke is an error, not an empty register.
	must(t, os.WriteFile(filepath.Join(dir, "readers.json"), []byte("{"), 0o600))
	if _, _, err := running.ByName("desk"); err == nil {
		t.Error("a broken register was read")
	}
}

func TestReadersRefuse(t *testing.T) {
	readers := home.OpenReaders(t.TempDir())
	_, desk := enrolled(t, "desk")
	_, other := enrolled(t, "other")
	must(t, readers.Put(desk))
	namesake := other
	namesake.Name = "desk"
	twin := desk
	twin.Name = "twin"
	caller := other
	caller.Connection = desk.Connection
	king := other
	king.Role = "king"
	keyless := other
	keyless.Key = "none"
	for what, r := range map[string]home.EnrolledReader{
		"other keys under a name": namesake, "another's key": twin, "another's connection": caller, "a role that isn't": king, "no key": keyless,
	} {
		if err := readers.Put(r); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if all, err := readers.All(); err != nil || len(all) != 1 {
		t.Errorf("readers: %+v, %v", all, err)
	}
}

// Several processes may change the register; here several that share nothing but
// the directory.
func TestReadersChangedAtOnce(t *testing.T) {
	dir := t.TempDir()
	var entries []home.EnrolledReader
	for _, name := range strings.Fields("a b c d e f g h") {
		_, e := enrolled(t, name)
		entries = append(entries, e)
	}
	var group sync.WaitGroup
	for _, e := range entries {
		group.Go(func() {
			if err := home.OpenReaders(dir).Put(e); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all, err := home.OpenReaders(dir).All(); err != nil || len(all) != len(entries) {
		t.Errorf("%d readers, %v", len(all), err)
	}
}

func TestHomesOfOtherRoles(t *testing.T) {
	reader, _ := enrolled(t, "desk")
	dir := filepath.Dir(reader.RequestFile())
	if _, err := home.OpenReader(dir); err != nil {
		t.Error(err)
	}
	if _, err := home.OpenOperator(dir); err == nil || !strings.Contains(err.Error(), "is the home of a reader, and this needs one of an operator") {
		t.Errorf("as an operator's: %v", err)
	}
	if _, err := reader.Grant(); err == nil {
		t.Error("it has joined nothing")
	}
	for _, path := range []string{"keys/signing.pem", "keys/connection.nk"} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
