package home_test

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

// rotation is the envelope that replaces one key by another.
func rotation(t *testing.T, by *events.Signer, from, to events.PublicKey) []byte {
	t.Helper()
	recorder := events.RegistryRecorder("mcmc")
	event, err := vocabulary.AuthorityRotated.Of(events.AuthorityRotated{
		Authority: "mcmc", Key: to.String(), Replaces: string(from.ID()), Reason: "stolen",
	}).Event(recorder, vocabulary.Attributes{ID: "rotate-" + string(to.ID()[:32])})
	if err != nil {
		t.Fatal(err)
	}
	line, err := event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Seal(&events.Manifest{Recorder: recorder, Incarnation: 1, First: 7}, [][]byte{line}, by)
	if err != nil {
		t.Fatal(err)
	}
	return e.Marshal()
}

// TestSuccessionIsSignedFor moves a home only to where the authority that it knows says, be
// its key replaced since, or to the log key that the person names; by nothing else, and what
// is refused changes nothing.
func TestSuccessionIsSignedFor(t *testing.T) {
	key := func(name string) *events.Signer {
		s, err := home.NewKey(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second, third, recovery, stranger := key("first"), key("second"), key("third"), key("recovery"), key("stranger")
	logOf := func(origin string) (note.Signer, verify.TrustedLedger) {
		private, public, err := note.GenerateKey(rand.Reader, origin)
		if err != nil {
			t.Fatal(err)
		}
		s, err := note.NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		return s, verify.TrustedLedger{Origin: origin, Key: public}
	}
	oldLog, oldLedger := logOf("ledger.example.my/2026")
	_, nextLedger := logOf("ledger.example.my/2027")
	_, evilLedger := logOf("evil.example/1")
	last, err := note.Sign(&note.Note{Text: oldLedger.Origin + "\n3\n" + strings.Repeat("A", 43) + "=\n"}, oldLog)
	if err != nil {
		t.Fatal(err)
	}
	byTheft, orderly := rotation(t, recovery, first.PublicKey(), second.PublicKey()), rotation(t, second, second.PublicKey(), third.PublicKey())
	forgedRotation := rotation(t, stranger, first.PublicKey(), stranger.PublicKey())
	at := func(k *events.Signer) *home.AuthorityKeys {
		return &home.AuthorityKeys{Key: k.PublicKey().String(), RecoveryKey: recovery.PublicKey().String()}
	}
	for name, row := range map[string]struct {
		pinned    *home.AuthorityKeys
		by        *events.Signer
		rotations [][]byte
		ledger    verify.TrustedLedger
		change    func(*home.Grant)
		logKey    string
		want      string // in the error; empty: none
	}{
		"by the key that is known":                {pinned: at(first), by: first},
		"by the recovery key":                     {pinned: at(first), by: recovery},
		"by a key that came later":                {pinned: at(first), by: third, rotations: [][]byte{byTheft, orderly}},
		"by a key that came, the first one known": {pinned: at(second), by: third, rotations: [][]byte{byTheft, orderly}},
		"by a key that was replaced":              {pinned: at(third), by: second, rotations: [][]byte{byTheft}, want: "not by a key of that one's authority"},
		"by a key that was replaced in it":        {pinned: at(first), by: first, rotations: [][]byte{byTheft}, want: "not by a key of that one's authority"},
		"by a stranger":                           {pinned: at(first), by: stranger, ledger: evilLedger, want: "not by a key of that one's authority"},
		"by a stranger who says to have replaced": {pinned: at(first), by: stranger, rotations: [][]byte{forgedRotation}, want: "not by a key of that one's authority"},
		"by nobody":                             {pinned: at(first), want: "not signed by that one's authority"},
		"by nobody, whom the home doesn't know": {by: first, want: "knows no key"},
		"by nobody, and the key is named":       {logKey: nextLedger.Key},
		"by a stranger, and the key is named":   {pinned: at(first), by: stranger, ledger: evilLedger, logKey: nextLedger.Key, want: "--log-key names"},
		"to another ledger":                     {pinned: at(first), by: first, change: func(g *home.Grant) { g.Ledger = evilLedger }, want: "or is of something else"},
		"to another address":                    {pinned: at(first), by: first, change: func(g *home.Grant) { g.HTTP = "http://evil.example" }, want: "or is of something else"},
		"to another authority":                  {pinned: at(first), by: first, change: func(g *home.Grant) { g.Voice = at(stranger) }, want: "or is of something else"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := home.NewOperator(filepath.Join(t.TempDir(), "nimbus"), "nimbus")
			if err != nil {
				t.Fatal(err)
			}
			request, err := home.ReadRequest(h.RequestFile())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "grant")
			join := func(g home.Grant, logKey string) error {
				t.Helper()
				g.V, g.Role, g.Name, g.Connection, g.User, g.NATS = 1, home.RoleOperator, "nimbus", request.Connection, "x", "nats://127.0.0.1:1"
				if err := home.WriteJSON(file, g, 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := h.Join(file, logKey)
				return err
			}
			if err := join(home.Grant{HTTP: "http://a", Ledger: oldLedger, Voice: row.pinned}, ""); err != nil {
				t.Fatal(err)
			}
			// A grant of the same ledger doesn't say whom to believe from then on.
			if err := join(home.Grant{HTTP: "http://b", Ledger: oldLedger, Voice: at(stranger)}, ""); err != nil {
				t.Fatal(err)
			}
			before, err := h.Grant()
			if err != nil {
				t.Fatal(err)
			}
			next := home.Grant{NATS: "nats://127.0.0.1:1", HTTP: "http://c", Ledger: nextLedger, Voice: at(second), Predecessor: &home.Predecessor{Checkpoint: string(last), HTTP: "http://c/predecessor"}}
			if row.ledger.Key != "" {
				next.Ledger = row.ledger
			}
			if row.by != nil {
				if err := next.Vouch(row.by, row.rotations); err != nil {
					t.Fatal(err)
				}
			}
			if row.change != nil {
				row.change(&next)
			}
			err = join(next, row.logKey)
			switch after, afterErr := h.Grant(); {
			case afterErr != nil:
				t.Fatal(afterErr)
			case row.want == "":
				if err != nil || after.Ledger.Key != nextLedger.Key || *after.Voice != *at(second) {
					t.Errorf("it is of %s, with %v: %v", after.Ledger.Origin, after.Voice, err)
				}
			case err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(hintOf(err), "nothing has changed"):
				t.Errorf("%v; hint %q", err, hintOf(err))
			case after.Ledger.Key != before.Ledger.Key || after.HTTP != before.HTTP:
				t.Errorf("it was refused, and the home is of %s", after.Ledger.Origin)
			}
		})
	}
}
